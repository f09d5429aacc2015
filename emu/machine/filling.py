"""The machine's record as it is before any of the machine's processes starts."""

import time

import psutil

from ..kernel.sched.runqueue import QUEUE_KINDS
from ..kernel.thread.states import LIFE_CREATED
from ..limits import COMPACT_PERCENT, KEEPER_SPIN_NS, MAX_QUEUES, SERVER, SLACK_NS, SUPERVISOR, TIMEKEEPER
from ..shm.clock import calibrate
from ..shm.cpumask import to_words
from .config import TRANSLATORS


def fill(m, config):
    """Fill a fresh machine record by a Config."""
    m["nr_cpus"] = config.cpus
    m["nr_frames"] = m["nr_free_frames"] = config.memory_bytes >> 12
    m["seed"] = config.seed
    m["boot_ns"] = m["made_ns"] = time.monotonic_ns()
    calibrate(m)
    m["queue_kind"] = QUEUE_KINDS.index(config.queues)
    m["nr_cores"] = config.topology.cores
    m["nr_blocking"], m["blocking_pool"] = config.blocking_cpus, to_words(config.blocking_pool)
    m["host_cores"], m["pinned"] = len(psutil.Process().cpu_affinity()), int(config.pin)
    m["cores_per_package"] = config.topology.cores_per_package
    m["parameters"][: len(config.parameters)] = config.parameters
    m["slice_ns"] = config.slice_ns
    m["translating"] = TRANSLATORS.index(config.translator)
    for name, value in config.limits.items():
        m[name] = value
    m["poll_ns"] = config.poll_ns
    m["slack_ns"] = SLACK_NS
    m["keeper_spin_ns"] = KEEPER_SPIN_NS
    m["compact_percent"] = COMPACT_PERCENT
    m["free_thread"] = m["free_task"] = m["free_job"] = m["free_frame"] = -1
    m["active"], m["nr_active"] = to_words((1 << config.cpus) - 1), config.cpus
    for queue in range(MAX_QUEUES):
        m["queues"][queue]["life"] = LIFE_CREATED
    m["buckets"]["head"] = m["buckets"]["tail"] = -1
    for actor in (*range(config.cpus), SUPERVISOR, SERVER, TIMEKEEPER):
        m["cpus"][actor]["current"] = -1  # threads may wait for a CPU before its process is there
