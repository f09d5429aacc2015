"""RV64I: integers, loads, stores, jumps, branches, fences, calls to the environment."""

from ...shm.memory import (
    load_64,
    load_s8,
    load_s16,
    load_s32,
    load_u8,
    load_u16,
    load_u32,
    store_8,
    store_16,
    store_32,
    store_64,
)
from ..arithmetic import shift_right, unsigned_less, unsigned_word, word
from ..effects import branch, breakpoint_trap, environment_call, jump, jump_to, order_fetches, order_memory
from ..table import insn

# --- constants and jumps ---------------------------------------------------------


@insn("lui rd, upper", "upper[31:12] rd 0110111")
def lui(upper):
    return upper


@insn("auipc rd, upper", "upper[31:12] rd 0010111")
def auipc(pc, upper):
    return pc + upper


@insn("jal rd, offset", "offset[20|10:1|11|19:12] rd 1101111")
def jal(next, offset):
    jump(offset)
    return next


@insn("jalr rd, imm(rs1)", "imm:12 rs1 000 rd 1100111")
def jalr(a, imm, next):
    jump_to((a + imm) & -2)
    return next


# --- branches --------------------------------------------------------------------


@insn("beq rs1, rs2, offset", "offset[12|10:5] rs2 rs1 000 offset[4:1|11] 1100011")
def beq(a, b, offset):
    branch(a == b, offset)


@insn("bne rs1, rs2, offset", "offset[12|10:5] rs2 rs1 001 offset[4:1|11] 1100011")
def bne(a, b, offset):
    branch(a != b, offset)


@insn("blt rs1, rs2, offset", "offset[12|10:5] rs2 rs1 100 offset[4:1|11] 1100011")
def blt(a, b, offset):
    branch(a < b, offset)


@insn("bge rs1, rs2, offset", "offset[12|10:5] rs2 rs1 101 offset[4:1|11] 1100011")
def bge(a, b, offset):
    branch(a >= b, offset)


@insn("bltu rs1, rs2, offset", "offset[12|10:5] rs2 rs1 110 offset[4:1|11] 1100011")
def bltu(a, b, offset):
    branch(unsigned_less(a, b), offset)


@insn("bgeu rs1, rs2, offset", "offset[12|10:5] rs2 rs1 111 offset[4:1|11] 1100011")
def bgeu(a, b, offset):
    branch(not unsigned_less(a, b), offset)


# --- loads and stores --------------------------------------------------------------


@insn("lb rd, imm(rs1)", "imm:12 rs1 000 rd 0000011")
def lb(a, imm):
    return load_s8(a + imm)


@insn("lh rd, imm(rs1)", "imm:12 rs1 001 rd 0000011")
def lh(a, imm):
    return load_s16(a + imm)


@insn("lw rd, imm(rs1)", "imm:12 rs1 010 rd 0000011")
def lw(a, imm):
    return load_s32(a + imm)


@insn("ld rd, imm(rs1)", "imm:12 rs1 011 rd 0000011")
def ld(a, imm):
    return load_64(a + imm)


@insn("lbu rd, imm(rs1)", "imm:12 rs1 100 rd 0000011")
def lbu(a, imm):
    return load_u8(a + imm)


@insn("lhu rd, imm(rs1)", "imm:12 rs1 101 rd 0000011")
def lhu(a, imm):
    return load_u16(a + imm)


@insn("lwu rd, imm(rs1)", "imm:12 rs1 110 rd 0000011")
def lwu(a, imm):
    return load_u32(a + imm)


@insn("sb rs2, imm(rs1)", "imm[11:5] rs2 rs1 000 imm[4:0] 0100011")
def sb(a, b, imm):
    store_8(a + imm, b)


@insn("sh rs2, imm(rs1)", "imm[11:5] rs2 rs1 001 imm[4:0] 0100011")
def sh(a, b, imm):
    store_16(a + imm, b)


@insn("sw rs2, imm(rs1)", "imm[11:5] rs2 rs1 010 imm[4:0] 0100011")
def sw(a, b, imm):
    store_32(a + imm, b)


@insn("sd rs2, imm(rs1)", "imm[11:5] rs2 rs1 011 imm[4:0] 0100011")
def sd(a, b, imm):
    store_64(a + imm, b)


# --- register and immediate ----------------------------------------------------------


@insn("addi rd, rs1, imm", "imm:12 rs1 000 rd 0010011")
def addi(a, imm):
    return a + imm


@insn("slti rd, rs1, imm", "imm:12 rs1 010 rd 0010011")
def slti(a, imm):
    return int(a < imm)


@insn("sltiu rd, rs1, imm", "imm:12 rs1 011 rd 0010011")
def sltiu(a, imm):
    return int(unsigned_less(a, imm))


@insn("xori rd, rs1, imm", "imm:12 rs1 100 rd 0010011")
def xori(a, imm):
    return a ^ imm


@insn("ori rd, rs1, imm", "imm:12 rs1 110 rd 0010011")
def ori(a, imm):
    return a | imm


@insn("andi rd, rs1, imm", "imm:12 rs1 111 rd 0010011")
def andi(a, imm):
    return a & imm


@insn("slli rd, rs1, shamt", "000000 shamt:6 rs1 001 rd 0010011")
def slli(a, shamt):
    return a << (shamt & 63)


@insn("srli rd, rs1, shamt", "000000 shamt:6 rs1 101 rd 0010011")
def srli(a, shamt):
    return shift_right(a, shamt & 63)


@insn("srai rd, rs1, shamt", "010000 shamt:6 rs1 101 rd 0010011")
def srai(a, shamt):
    return a >> (shamt & 63)


@insn("addiw rd, rs1, imm", "imm:12 rs1 000 rd 0011011")
def addiw(a, imm):
    return word(a + imm)


@insn("slliw rd, rs1, shamt", "0000000 shamt:5 rs1 001 rd 0011011")
def slliw(a, shamt):
    return word(a << (shamt & 31))


@insn("srliw rd, rs1, shamt", "0000000 shamt:5 rs1 101 rd 0011011")
def srliw(a, shamt):
    return word(shift_right(unsigned_word(a), shamt & 31))


@insn("sraiw rd, rs1, shamt", "0100000 shamt:5 rs1 101 rd 0011011")
def sraiw(a, shamt):
    return word(a) >> (shamt & 31)


# --- register and register --------------------------------------------------------


@insn("add rd, rs1, rs2", "0000000 rs2 rs1 000 rd 0110011")
def add(a, b):
    return a + b


@insn("sub rd, rs1, rs2", "0100000 rs2 rs1 000 rd 0110011")
def sub(a, b):
    return a - b


@insn("sll rd, rs1, rs2", "0000000 rs2 rs1 001 rd 0110011")
def sll(a, b):
    return a << (b & 63)


@insn("slt rd, rs1, rs2", "0000000 rs2 rs1 010 rd 0110011")
def slt(a, b):
    return int(a < b)


@insn("sltu rd, rs1, rs2", "0000000 rs2 rs1 011 rd 0110011")
def sltu(a, b):
    return int(unsigned_less(a, b))


@insn("xor rd, rs1, rs2", "0000000 rs2 rs1 100 rd 0110011")
def xor(a, b):
    return a ^ b


@insn("srl rd, rs1, rs2", "0000000 rs2 rs1 101 rd 0110011")
def srl(a, b):
    return shift_right(a, b & 63)


@insn("sra rd, rs1, rs2", "0100000 rs2 rs1 101 rd 0110011")
def sra(a, b):
    return a >> (b & 63)


@insn("or rd, rs1, rs2", "0000000 rs2 rs1 110 rd 0110011")
def or_(a, b):
    return a | b


@insn("and rd, rs1, rs2", "0000000 rs2 rs1 111 rd 0110011")
def and_(a, b):
    return a & b


@insn("addw rd, rs1, rs2", "0000000 rs2 rs1 000 rd 0111011")
def addw(a, b):
    return word(a + b)


@insn("subw rd, rs1, rs2", "0100000 rs2 rs1 000 rd 0111011")
def subw(a, b):
    return word(a - b)


@insn("sllw rd, rs1, rs2", "0000000 rs2 rs1 001 rd 0111011")
def sllw(a, b):
    return word(a << (b & 31))


@insn("srlw rd, rs1, rs2", "0000000 rs2 rs1 101 rd 0111011")
def srlw(a, b):
    return word(shift_right(unsigned_word(a), b & 31))


@insn("sraw rd, rs1, rs2", "0100000 rs2 rs1 101 rd 0111011")
def sraw(a, b):
    return word(a) >> (b & 31)


# --- order and environment ----------------------------------------------------------


@insn("fence imm", "imm:12 ----- 000 ----- 0001111")
def fence(imm):
    order_memory(imm)


@insn("fence.i", "------------ ----- 001 ----- 0001111")
def fence_i():
    order_fetches()


@insn("ecall", "000000000000 00000 000 00000 1110011")
def ecall():
    environment_call()


@insn("ebreak", "000000000001 00000 000 00000 1110011")
def ebreak():
    breakpoint_trap()
