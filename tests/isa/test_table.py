"""The table is consistent, and encoder, decoder and disassembler agree on every row."""

import random

import pytest

from emu.hot import entry
from emu.isa import decode, words
from emu.isa.disassemble import disassemble, length
from emu.isa.encode import EncodeError, encode
from emu.isa.registers import SINK
from emu.isa.table import BY_NAME, FIRST_OP, OP_ILLEGAL, ROWS, TableError, check, insn


@entry(1)
def decoded(bits):
    return decode.decode(bits)


def random_bits(row, rng):
    """Bits that match a row."""
    while True:
        bits = rng.getrandbits(row.length * 8) & ~row.mask | row.match
        if row.matches(bits):
            return bits


def test_every_op_number_is_dense_and_unique():
    assert [row.op for row in ROWS] == list(range(FIRST_OP, FIRST_OP + len(ROWS)))


def test_every_extension_is_complete():
    by_extension = {"i": 53, "m": 13, "a": 22, "f": 30, "d": 32, "csr": 6, "c": 36, "b": 42, "cbo": 4}
    counted = dict.fromkeys(by_extension, 0)
    for row in ROWS:
        counted[_extension(row)] += 1
    assert counted == by_extension


def _extension(row):
    return "c" if row.base else row.names["__name__"].rpartition(".")[2]


def test_overlapping_rows_are_refused():
    size = len(ROWS)

    @insn("clash rd, rs1, imm", "imm:12 rs1 000 rd 0010011")
    def clash(a, imm):
        return a

    try:
        with pytest.raises(TableError, match="clash and addi"):
            check()
    finally:
        del ROWS[size:], BY_NAME["clash"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_encode_decode_and_disassemble_agree(row):
    rng = random.Random(row.op)
    for _ in range(40):
        bits = random_bits(row, rng)
        fields = {name: row.value(name, bits) for name in row.fields}
        free = ~(row.mask | sum(p.mask for ps in row.fields.values() for p in ps))
        assert encode(row.name, **fields) == bits & ~free
        assert decode.row_of(bits) is row
        word = decoded(bits)
        assert word & words.OP_MASK == row.op
        if row.immediate:
            assert word >> words.IMM_SHIFT == fields[row.immediate]
        for slot, shift, mask in (("rd", 10, 63), ("rs1", 16, 255), ("rs2", 24, 255)):
            if slot in row.slots:
                declared = row.slots[slot]
                number = fields[declared.field] if declared.field else declared.constant
                sink = slot == "rd" and number == 0 and slot not in row.floats
                assert word >> shift & mask == (SINK if sink else number)
        assert disassemble(bits).split()[0].startswith(row.name)
        assert length(bits) == row.length


def test_cold_and_hot_decoder_agree_on_all_two_byte_patterns():
    for bits in range(1 << 16):
        if bits & 3 == 3:
            continue
        row = decode.row_of(bits)
        assert decoded(bits) & words.OP_MASK == (row.op if row else OP_ILLEGAL), hex(bits)


@pytest.mark.parametrize(
    "bits, why",
    [
        (0x0000, "defined illegal"),
        (0xFFFFFFFF, "longer than 32 bits"),
        (0x04001013, "slli by 64"),
        (0x0200101B, "slliw by 32"),
        (0x80003057, "vector"),
        (0x10200073, "sret"),
        (0x00003063, "branch with funct3 3"),
        (0x02005053, "fadd.d, rounding mode 5"),
        (0x02006053, "fadd.d, rounding mode 6"),
        (0x1010302F, "lr.d with a source register"),
        (0x8002, "c.jr x0"),
        (0x6101, "c.addi16sp by 0"),
        (0x6081, "c.lui by 0"),
        (0x2001, "c.addiw x0"),
        (0x4002, "c.lwsp x0"),
        (0x9C41, "reserved row of c.addw"),
        (0x8000, "quadrant 0, funct3 4"),
    ],
)
def test_reserved_patterns_are_illegal(bits, why):
    assert decode.row_of(bits) is None, why
    assert decoded(bits) == OP_ILLEGAL | (bits << 32) - (bits >> 31 << 64)


def test_disassembly_reads_like_an_assembler():
    assert disassemble(0x00150513) == "addi a0, a0, 1"
    assert disassemble(encode("ld", 10, -8, 2)) == "ld a0, -8(sp)"
    assert disassemble(encode("beq", 10, 0, -16), 0x1000) == "beq a0, zero, 0xff0"
    assert disassemble(encode("lui", 10, 0x12345 << 12)) == "lui a0, 0x12345"
    assert disassemble(encode("amoadd.w", 10, 11, 12, aq=1, rl=1)) == "amoadd.w.aqrl a0, a1, (a2)"
    assert disassemble(encode("fmadd.d", 0, 1, 2, 3, 7)) == "fmadd.d ft0, ft1, ft2, ft3"
    assert disassemble(encode("csrrs", 10, 0xC01, 0)) == "csrrs a0, time, zero"
    assert disassemble(encode("c.ldsp", 1, 24)) == "c.ldsp ra, 24(sp)"
    assert disassemble(0xFFFFFFFF) == ".insn 4, 0xffffffff"


def test_operands_that_do_not_fit_are_refused():
    with pytest.raises(EncodeError, match="imm = 2048"):
        encode("addi", 1, 1, 2048)
    with pytest.raises(EncodeError, match="offset = 3"):
        encode("jal", 1, 3)
    with pytest.raises(EncodeError, match="reserved"):
        encode("c.lwsp", 0, 4)
