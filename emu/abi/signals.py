"""Signal numbers and actions (signal(7), asm-generic/signal.h), and masks of signals as hot code holds them."""

from .words import signed

SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL = range(1, 10)
SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM = range(10, 16)
SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG = range(17, 24)
SIGVTALRM, SIGPROF, SIGWINCH = 26, 27, 28
SIGRTMIN, SIGRTMAX = 32, 64  # the kernel's: C libraries keep the first ones for themselves

SIG_DFL, SIG_IGN = 0, 1
SA_SIGINFO, SA_ONSTACK, SA_RESTART, SA_NODEFER, SA_RESETHAND = 4, 0x08000000, 0x10000000, 0x40000000, 0x80000000


def bit(number):
    """A signal's bit in a mask, a signed word."""
    return signed(1 << (number - 1))
