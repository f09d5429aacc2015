"""Numbers of integer registers by their role in calls (the RISC-V calling convention): x[A0] is the first argument."""

RA, SP, TP = 1, 2, 4
A0 = 10  # the first argument and the result; the others follow
A7 = 17  # the number of a system call
