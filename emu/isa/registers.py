"""Names of registers and of control and status registers, and where a thread's record keeps them."""

from ..shm.layout import THREAD

X_NAMES = (
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1",
    "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
    "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
)  # fmt: skip
F_NAMES = (
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1",
    "fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7",
    "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
)  # fmt: skip
SINK = 32  # the interpreter's register number for writes to x0

CSR_FFLAGS = 0x001
CSR_FRM = 0x002
CSR_FCSR = 0x003
CSR_CYCLE = 0xC00
CSR_TIME = 0xC01
CSR_INSTRET = 0xC02
CSR_NAMES = {
    CSR_FFLAGS: "fflags",
    CSR_FRM: "frm",
    CSR_FCSR: "fcsr",
    CSR_CYCLE: "cycle",
    CSR_TIME: "time",
    CSR_INSTRET: "instret",
}
ROUNDING_NAMES = ("rne", "rtz", "rdn", "rup", "rmm", "5", "6", "dyn")
RM_DYNAMIC = 7

# Byte offsets from the start of a thread's record, which begins with x0.
F_OFFSET = THREAD.offset("f")
FCSR_OFFSET = THREAD.offset("fcsr")
SINK_OFFSET = SINK * 8

assert THREAD.offset("x") == 0, "the interpreter takes a thread's address for that of x0"
assert len(X_NAMES) == len(F_NAMES) == 32
