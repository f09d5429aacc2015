"""What a run was: figures read from shared memory when it is over."""

from dataclasses import asdict, dataclass, field

from ..kernel.failures import explain


@dataclass(frozen=True)
class CpuReport:
    cpu: int
    process: int  # host process id
    busy_share: float  # of the machine's wall time
    switches: int
    steals: int
    migrations_in: int
    migrations_out: int
    ipis_bit: int  # sent, no message needed
    ipis_message: int  # sent, through ZeroMQ
    instructions: int
    mips: float  # while busy
    system_calls: int
    parks: int


@dataclass(frozen=True)
class Report:
    cpus: list[CpuReport]
    policy: str
    seed: int
    wall_s: float
    threads_created: int
    threads_exited: int
    page_faults: int
    migrations: int
    instructions: int
    unknown_calls: dict[str, int] = field(default_factory=dict)
    interrupted: bool = False
    failure: str = ""  # why the machine itself failed, "" when it did not

    def as_dict(self):
        """For JSON."""
        return asdict(self)


def make_report(machine, config, now_ns, unknown_calls, interrupted):
    """Read the figures of a machine record."""
    wall_ns = max(now_ns - int(machine["boot_ns"]), 1)
    cpus = []
    for k in range(config.cpus):
        c = machine["cpus"][k]
        busy_ns = int(c["busy_ns"])
        cpus.append(
            CpuReport(
                cpu=k,
                process=int(c["process"]),
                busy_share=min(busy_ns / wall_ns, 1.0),
                switches=int(c["switches"]),
                steals=int(c["steals"]),
                migrations_in=int(c["migrations_in"]),
                migrations_out=int(c["migrations_out"]),
                ipis_bit=int(c["ipis_bit"]),
                ipis_message=int(c["ipis_message"]),
                instructions=int(c["instructions"]),
                mips=int(c["instructions"]) / busy_ns * 1000 if busy_ns else 0.0,
                system_calls=int(c["syscalls"]),
                parks=int(c["parks"]),
            )
        )
    actors = machine["cpus"]
    failed = int(machine["failed"])
    return Report(
        cpus=cpus,
        policy=config.policy,
        seed=config.seed,
        wall_s=wall_ns / 1e9,
        threads_created=int(actors["spawned"].sum()),
        threads_exited=int(actors["exited"].sum()),
        page_faults=int(actors["page_faults"].sum()),
        migrations=sum(c.migrations_in for c in cpus),
        instructions=sum(c.instructions for c in cpus),
        unknown_calls=dict(unknown_calls),
        interrupted=interrupted,
        failure=explain(failed, int(machine["failed_value"])) if failed else "",
    )
