"""Tasks that are made and given up, while somebody kills their job (kernel/task/records.py)."""

from emu.hot import entry, hot
from emu.kernel.task.fork import discard_task
from emu.kernel.task.records import begin_task, end_job, end_task
from emu.kernel.thread.references import KILLED
from emu.kernel.thread.states import TASK_ALIVE
from emu.shm.atomics import fence, load_acquire, load_seq_cst, store_relaxed
from emu.shm.layout import machine_at
from emu.testing.crew import LINE, OWN, add_word, get_word, over, result, set_word, spin, violation

FOUND, ROUND = OWN + 60 * LINE, OWN + 61 * LINE  # how many tasks were killed; of the killer
GOOD, EARLY, HASTY = range(3)
SIGNAL, REASON = 9, 1


@hot
def _show_early(m):
    """Control: the record that is taken next counts as a task before it is one."""
    store_relaxed(m.tasks[m.free_task if m.free_task >= 0 else m.fresh_task], "state", TASK_ALIVE)
    fence()


@hot
def _end_hastily(m, me, job):
    """Control: a killer that retains nobody, and does not look again."""
    ended = 0
    for k in range(m.fresh_task):
        if load_acquire(m.tasks[k], "state") == TASK_ALIVE and m.tasks[k].job == job:
            end_task(m, me, k, SIGNAL, REASON)
            ended += 1
    return ended


@hot
def _is_half_killed(m, k):
    """Whether a task is killed and was not told to end; or was, and is not killed though the killer has gone on."""
    t = m.tasks[k]
    if load_seq_cst(t, "references") & KILLED != 0 and load_seq_cst(t, "exiting") == 0:
        return True
    if load_seq_cst(t, "exiting") == 0:
        return False
    first, spins = get_word(m, ROUND), 0
    while get_word(m, ROUND) < first + 2 and not over(m):
        spins = spin(spins)
    return load_seq_cst(t, "references") & KILLED == 0 and not over(m)


@entry(5)
def maker(address, me, workers, count, bad):
    """A task that its maker retains is never sent to the garbage thread, and is killed when it is told to end."""
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        if bad == EARLY:
            _show_early(m)
        k = begin_task(m, me, 0)
        if k < 0 or _is_half_killed(m, k):
            violation(m)
            break
        discard_task(m, me, k)
        if load_seq_cst(m, "server_head") != 0:
            violation(m)
    return 0


@entry(5)
def killer(address, me, workers, count, bad):
    m = machine_at(address)
    done = 0
    while done < count and not over(m):
        done += 1
        result(m, me, done)
        set_word(m, ROUND, done)
        add_word(m, FOUND, end_job(m, me, 0, SIGNAL, REASON) if bad == GOOD else _end_hastily(m, me, 0))
    return 0
