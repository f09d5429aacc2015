"""emu multiplies no matrices, but importing NumPy starts a thread of its BLAS for each core, which takes 0.1 s of one.

Set in the environment of emu's own processes before they import NumPy; a library's user decides for the user's own.
"""

ONE_BLAS_THREAD = ("OPENBLAS_NUM_THREADS", "1")
