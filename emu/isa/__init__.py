"""The instruction set, RV64GC and bit manipulation: every instruction declared once (rows_*.py), all else derived.

interpreter.py   `interpret`, what a CPU runs guest code with
disassemble.py   `disassemble`, `length`: for reports
encode.py        `encode`, `assemble`: for tests and small programs
table.py         how to declare an instruction; effects.py what its body may do

Rows become decoded words (decode.py, words.py) and arms of the interpreter: lower.py turns a body's
expressions into LLVM code, arms.py makes an arm of it (with code.py), threaded.py puts the arms together.
operations.py, arithmetic.py and floats.py are what bodies compute with; accesses.py, fetch.py, csr.py
softfloat.py and softconvert.py (with unpacked.py) are the hot functions that arms call where it is rare.
"""
