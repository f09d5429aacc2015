/* Who serves a task beside the kernel: its pager and its file server [cz-14, cz-15]. Included by emu.h. */
#ifndef EMU_SERVERS_H
#define EMU_SERVERS_H

enum { EMU_NAME_SERVER = 0x1060, EMU_CLOSED_FILE };

/* Let a thread serve the task of the thread `tid`, which the caller may steer: its page faults, or its calls on files.
 * server 0: the kernel again. A file server's task may copy from and to its clients' memory, and steer them.
 * -1 (EPERM), -3 (ESRCH): no such thread, -22 (EINVAL). */
enum { EMU_PAGER, EMU_FILE_SERVER };
static inline long emu_name_server(int tid, int which, int server) {
    return emu_call_3(EMU_NAME_SERVER, tid, which, server);
}

/* A call on files, as its server receives it (emu_ipc from EMU_ANYTHREAD): message.bytes <= EMU_FIRST_CALL, which no thread
 * can send. mr[0..5]: the call's arguments; in place of a descriptor the handle with which the server has answered openat
 * (-9, EBADF: no file of the server's), and mr[5] the flags of a call about a descriptor. AT_FDCWD comes as the handle with
 * which the server has answered the task's last chdir, or as -100 before the first; for truncate, statfs and chdir it is
 * mr[5], for getcwd mr[2]. What the client's umask takes is gone from modes.
 * It answers with EMU_REPLY, mr[0] the result: of openat and chdir a handle (>= 0, any number; the kernel makes the
 * descriptor, or the working directory), or EMU_NOT_MINE: the kernel executes the call. -11 (EAGAIN): the client has gone; what was opened for it is closed by nobody
 * else. A server that leaves or is silent for 10 s is an EIO for its clients. */
enum { EMU_FIRST_CALL = -2, EMU_NOT_MINE = -(1 << 16) };
static inline long emu_call_number(const struct emu_message *message) { return EMU_FIRST_CALL - message->bytes; }

/* A handle that nobody refers to any more: ask until -11 (EAGAIN), before a message that was received is looked at. */
static inline long emu_closed_file(void) { return emu_call(EMU_CLOSED_FILE, 0); }

#endif
