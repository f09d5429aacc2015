"""From guest code to host code, by LLVM, while the guest is interpreted.

translator.py     what happens to a hot place; regions.py: which instructions belong together
templates.py      what a row of the table does, as assembly with gaps; region_code.py, accesses.py: fill them in
machine_code.py   assembly to machine code
known.py          what was translated before; store.py: where that is kept between runs
"""
