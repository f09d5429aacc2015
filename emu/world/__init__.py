"""What runs inside an exploring world: one process plays a whole machine, and a strategy says which thread goes on.

layout.py     WORLD, the records of a world, which are no part of the machine's and outlive a schedule
shared.py     which words of guest memory are shared, and how that is found out
events.py     switch points: what a thread is about to do, and who is asked
order.py      the policy of a world's machine: the strategy's choice runs
calls.py      system calls that a world answers itself: output, the program's end
strategies/   how to choose, one file each

The kernel, the interpreter and their loop are the machine's own: a world only puts other addresses into the CPU's
record, so machines that explore nothing are not slowed down.  Who makes worlds and plays them: emu/explore/.
"""
