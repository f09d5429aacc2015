"""The RV64GC instruction set: every instruction declared once (rows_*.py), all else derived.

interpreter.py   `interpret`, what a CPU runs guest code with
disassemble.py   `disassemble`, `length`: for reports
encode.py        `encode`, `assemble`: for tests and small programs
table.py         how to declare an instruction; effects.py what its body may do

Rows become decoded words (decode.py, words.py) and arms of the interpreter (arms.py,
generate.py); accesses.py, fetch.py, csr.py, arithmetic.py and floats.py are what
the arms call.
"""
