"""Open files: descriptor tables, open file descriptions, pipes (kernel/files/)."""

from ...limits import INLINE_DESCRIPTORS, PIPE_SLOTS
from .declare import i64, i64s, line, one, record
from .queues import WAIT_QUEUE

FILE_TABLE = record(
    "FILE_TABLE",
    i64("lock"),
    i64("references", guard="atomic", doc="truth: tasks that share it (CLONE_FILES); 0 free"),
    i64("next_free", guard="file_tables_lock", doc="index + 1, 0 none"),
    i64("nr_open", guard="lock"),
    i64("taken", guard="lock", doc="all descriptors below are in use"),
    i64("size", guard="lock", doc="no descriptor from here on is in use"),
    i64("closes_are_served", guard="atomic", doc="1: its task has record locks, which closes of SERVED files end"),
    i64("directory", guard="lock", doc="working directory at a file server: description + 1; 0, -1: directory.py"),
    i64("umask", guard="atomic", doc="of its tasks, for a file server"),
    i64("root", guard="lock", doc="frame + 1 of pointers (frame + 1) to frames of further words; 0 none"),
    line("words"),
    i64s("words", INLINE_DESCRIPTORS, guard="lock", doc="the first ones: description + 1, close-on-exec in bit 0"),
)

DESCRIPTION = record(
    "DESCRIPTION",
    i64("references", guard="atomic", doc="descriptors and calls under way; 0: free, or an orphan"),
    i64("kind", doc="truth: FILE_* of kernel/files/descriptions.py, fixed until it is freed"),
    i64("flags", guard="atomic", doc="O_*; of a SERVED one the server knows them"),
    i64("object", doc="index of the pipe that it reads, fixed; of a FOREIGN one the server's handle, -1 none yet"),
    i64(
        "output",
        guard="atomic",
        doc="index of the pipe that it writes, -1 none; changed by the server: a socket's only; of a FOREIGN one a tid",
    ),
    i64("role", guard="atomic", doc="of a socket: CONNECTED … of kernel/files/socket_ends.py; the server changes it"),
    i64("served", guard="atomic", doc="whose reads (1) and writes (2) are left to the server"),
    i64("framed", doc="1: a socket of messages (kernel/files/messages.py), fixed"),
    i64(
        "kept",
        guard="atomic",
        doc="of a socket: 1 the server knows more, and frees the record; 2 and it is in a message",
    ),
    i64("peer", doc="of a socket: the description that it was connected with, which may be another by now; -1 none"),
    i64("creator", doc="of a pair of sockets: process id, and user id << 32, of who made it"),
    i64("first_watch", guard="watches_lock", doc="of epoll sets that watch it: index + 1, 0 none"),
    i64("ready", guard="atomic", doc="of a SERVED one that is watched: the POLL* bits that the server saw last"),
    i64("serial", guard="descriptions_lock", doc="grows when it is freed"),
    i64("next_free", guard="descriptions_lock", doc="index + 1, 0 none; also of the list of orphans"),
    align=64,
)

PIPE = record(
    "PIPE",
    i64("lock"),
    i64("next_free", guard="pipes_lock", doc="index + 1, 0 none"),
    i64("head", guard="lock", unit="bytes", doc="taken out so far"),
    i64("tail", guard="lock", unit="bytes", doc="put in so far"),
    i64("write_end", guard="lock", unit="bytes", doc="what a writer under way may fill; tail when there is none"),
    i64("capacity", guard="lock", unit="bytes"),
    i64("readers", guard="lock", doc="descriptions that may read"),
    i64("writers", guard="lock", doc="descriptions that may write"),
    i64("finished", guard="lock", doc="1: nobody writes any more, whoever still could (shutdown)"),
    i64("reading", guard="lock", doc="actor + 1 that copies bytes out, 0 nobody"),
    i64("writing", guard="lock", doc="actor + 1 that copies bytes in, 0 nobody"),
    i64("served", guard="lock", doc="1: writes are left to the server, which notes who has written"),
    i64("mark", guard="lock", doc="position + 1 of the next byte with which something travels; 0 none"),
    i64("last_mark", guard="lock", doc="position + 1 of what the server wrote last with something"),
    i64("error", guard="lock", doc="what the next reader gets once nothing is left to read, once; 0 none"),
    i64("turns", guard="lock", doc="1: sleepers wait for their turn, not for bytes or room"),
    i64("polled", guard="lock", doc="1: the server wants to be told of the next change"),
    i64("changes", guard="lock", doc="grows with each change; never begins anew; read without"),
    i64(
        "read_watches",
        guard="lock",
        doc="first watch + 1 of those that hear of bytes; 0 none (kernel/files/watches.py)",
    ),
    i64("write_watches", guard="lock", doc="first watch + 1 of those that hear of room"),
    i64("number", guard="lock", doc="its inode number; 0: the pipe is free"),
    i64s("slots", PIPE_SLOTS, guard="lock, or the writer under way", doc="frame + 1 of each slot, 0 none"),
    line("queues"),
    one("read_queue", WAIT_QUEUE),
    one("write_queue", WAIT_QUEUE),
)
