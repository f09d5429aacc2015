"""What the CPU does after a system call, as linux_call and native_call return it."""

RESUME = 0  # the thread goes on
YIELD = 1  # the thread goes behind the others
BLOCK = 2  # the thread has declared its sleep: the CPU blocks it
SERVE = 3  # the system server executes the call
LEFT = 4  # the thread has left; its record is free
END_TASK = 5  # the task was told to end
HAND_OVER = 6  # as BLOCK, and CPU.heir, whose sleep the call has claimed, gets the CPU
GIVE = 7  # the thread goes behind the others, and CPU.heir gets the CPU
YIELD_TO = 8  # the thread goes behind the others, and CPU.heir, which waits for this CPU, may run first
