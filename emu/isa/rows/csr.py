"""Zicsr: access to control and status registers (which ones exist: csr.py)."""

from ..effects import csr_clear, csr_set, csr_write
from ..table import insn


@insn("csrrw rd, csr, rs1", "csr:12 rs1 001 rd 1110011")
def csrrw(csr, a):
    return csr_write(csr, a)


@insn("csrrs rd, csr, rs1", "csr:12 rs1 010 rd 1110011")
def csrrs(csr, a):
    return csr_set(csr, a)


@insn("csrrc rd, csr, rs1", "csr:12 rs1 011 rd 1110011")
def csrrc(csr, a):
    return csr_clear(csr, a)


@insn("csrrwi rd, csr, zimm", "csr:12 zimm 101 rd 1110011")
def csrrwi(csr, zimm):
    return csr_write(csr, zimm)


@insn("csrrsi rd, csr, zimm", "csr:12 zimm 110 rd 1110011")
def csrrsi(csr, zimm):
    return csr_set(csr, zimm)


@insn("csrrci rd, csr, zimm", "csr:12 zimm 111 rd 1110011")
def csrrci(csr, zimm):
    return csr_clear(csr, zimm)
