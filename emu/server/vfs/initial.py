"""The tree that a machine starts with."""

import os
import time

from .devices import devices
from .inode import MemoryLink
from .mqueue import MessageQueueDirectory
from .proc import proc_directory
from .sys import sys_directory
from .tree import Tree

START_DIRECTORY = "/root"


def initial_tree(machine, store, mounts=()):
    """A Tree with /dev, /proc, /sys, /tmp and the user's mounts (Mount tuples; ValueError when a place is taken).

    machine  what the files tell of: nr_cpus, memory_bytes, free_memory_bytes(), random(n), hostname, realtime_ns(),
             monotonic_ns(), tasks()
    store    the frames of file data (allocate, free, view)
    """
    tree = Tree(machine, store)
    root, filesystem = tree.root, tree.filesystem
    root.put("proc", proc_directory(root, machine, tree))
    root.put("sys", sys_directory(root, machine))
    for path in ("/bin", "/dev", "/etc", START_DIRECTORY, "/usr", "/var"):
        tree.make_directories(path)
    for path in ("/tmp", "/dev/shm", "/var/tmp"):
        tree.make_directories(path).set_mode(0o1777)
    dev = tree.make_directories("/dev")
    tree.queues = MessageQueueDirectory(machine.realtime_ns, dev, "mqueue")
    dev.put("mqueue", tree.queues)
    links = {"fd": "/proc/self/fd"}
    links.update((name, f"/proc/self/fd/{fd}") for fd, name in enumerate(("stdin", "stdout", "stderr")))
    for name, node in devices(filesystem, machine.random).items():
        dev.add(name, node)
    for name, target in links.items():
        dev.add(name, MemoryLink(filesystem, target))
    try:
        for mount in mounts:
            tree.mount(mount)
    except ValueError:
        tree.close()
        raise
    made_up = [root.lookup(name, None).filesystem for name in ("proc", "sys")]
    for each in (filesystem, tree.queues.filesystem, *made_up, *tree.mounts):
        each.allowance = tree.allowance  # from now on it is guests who make things
    return tree


class _NoMachine:
    """What a tree is made for in which nothing will be looked up."""

    nr_cpus = cpu_mask = 1
    memory_bytes = 0
    random = staticmethod(os.urandom)
    realtime_ns = staticmethod(time.time_ns)


def check_mounts(mounts):
    """ValueError, as from initial_tree, when the mounts do not fit into a machine's tree, or into one another."""
    initial_tree(_NoMachine(), None, mounts).close()
