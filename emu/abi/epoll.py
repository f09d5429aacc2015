"""epoll and eventfd: numbers of Linux (linux/eventpoll.h, linux/eventfd.h)."""

EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD = 1, 2, 3
EPOLLEXCLUSIVE, EPOLLWAKEUP, EPOLLONESHOT, EPOLLET = 1 << 28, 1 << 29, 1 << 30, 1 << 31
MODES = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET
EPOLL_EVENT_BYTES = 16  # u32 events, 4 bytes of padding, u64 data
EFD_SEMAPHORE = 1
