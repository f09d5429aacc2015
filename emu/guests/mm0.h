/* What a task may ask of mm0, the pager: a message to its main thread, whose tid the task is told when it starts
 * [cz-14, cz-15]. mr[0]: what, then the result; negative: an error number. */
#ifndef MM0_H
#define MM0_H

enum {
    MM_PAGER = 1, /* the tid of the thread that answers page faults, to be named as the pager (emu_name_server) */
    MM_WINDOW,    /* mr[1]: address, mr[2]: pages: from now on pages of a VM object of its own appear there when touched */
    MM_TASKS,     /* mr[1]: address: map a struct mm_tasks there, to be read; how many tasks it has */
};

/* What mm0 knows of the tasks that it serves. It changes as tasks come. */
enum { MM_PAGER_TASK, MM_SERVER_TASK, MM_MOST_TASKS = 64 };
struct mm_tasks {
    long count;
    struct {
        int tid, kind;
    } tasks[MM_MOST_TASKS];
};

#endif
