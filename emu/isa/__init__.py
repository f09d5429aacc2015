"""The instruction set, RV64GC and bit manipulation: every instruction declared once (rows/), all else derived.

interpreter/     `interpret`, what a CPU runs guest code with
disassemble.py   `disassemble`, `length`: for reports
encode.py        `encode`, `assemble`: for tests and small programs
table.py         how to declare an instruction; effects.py what its body may do

Rows become decoded words (decode.py, words.py) and arms of the interpreter: lower.py turns a body's
expressions into LLVM code, interpreter/arms.py makes an arm of it (with code.py), interpreter/threaded.py puts the
arms together.  Bodies compute with operations.py, arithmetic.py and soft/floats.py.  For rare cases arms call the hot
functions of interpreter/accesses.py, interpreter/fetch.py, csr.py and the rest of soft/.
"""
