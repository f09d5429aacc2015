"""/sys: the CPUs, and the little of the kernel's memory that C libraries and run-time systems look at."""

from .directory import FixedDirectory
from .inode import Filesystem
from .made_up import TextFile
from .proc_tasks import cpu_list

SYSFS_MAGIC = 0x62656572


def sys_directory(root, machine):
    """The tree of /sys."""
    filesystem = Filesystem(2, SYSFS_MAGIC, machine.realtime_ns)
    sys = FixedDirectory(filesystem, root, "sys")

    def put(directory, **texts):
        for name, text in texts.items():
            directory.entries[name] = TextFile(filesystem, text if callable(text) else lambda text=text: f"{text}\n")

    def cpus_present():
        return cpu_list((1 << machine.nr_cpus) - 1) + "\n"

    system = sys.subdirectory("devices").subdirectory("system")
    cpus = system.subdirectory("cpu")
    put(cpus, online=lambda: cpu_list(machine.cpu_mask) + "\n", possible=cpus_present, present=cpus_present)
    put(cpus, kernel_max=255, offline="", isolated="")
    for cpu in range(machine.nr_cpus):
        topology = cpus.subdirectory(f"cpu{cpu}").subdirectory("topology")
        put(topology, core_id=cpu, physical_package_id=0, thread_siblings_list=cpu, core_siblings_list=cpus_present)
    nodes = system.subdirectory("node")
    put(nodes, online=0, possible=0, has_cpu=0)
    put(nodes.subdirectory("node0"), cpulist=cpus_present)
    pages = sys.subdirectory("kernel").subdirectory("mm").subdirectory("transparent_hugepage")
    put(pages, enabled="always madvise [never]", hpage_pmd_size=2 << 20)
    sys.subdirectory("fs").subdirectory("cgroup")
    return sys
