"""A Trace in Perfetto's format: `export(trace, file)`.

The trace is gone through in stretches, and of each kind of event in a stretch all packets are made at once (rows.py),
so that ten million events take some tens of seconds, and memory does not grow with them. What occurs once, such as
the tree of processes, is made with the messages of the `perfetto` package.

Times are since boot: a clock snapshot says which times of the host's clocks these are. Packets need not be in the order
of time, a viewer sorts them; those of one CPU are.
"""

from datetime import datetime

from tqdm import tqdm

from ...errors import TraceError
from .chunk import Chunk, Holders
from .flows import Flows
from .identities import EMU_PID, Identities
from .queues import Queues
from .rows import encode, message, varint
from .sched import Sched
from .tracks import CPU_TRACK, GLOBAL_QUEUE_TRACK, QUEUE_TRACK, SEQUENCE, Tracks

CHUNK_EVENTS = 1 << 18
TREE_THREADS = 10_000  # in one packet
CPUS_TRACK = 999  # what has the tracks of CPUs below it
NAMES_FROM_HERE = 1  # sequence_flags: no earlier name is valid
REALTIME, MONOTONIC, BOOT = 1, 3, 6  # clocks of the format; packets' times are BOOT's
TABLES = {"categories": "event_categories", "events": "event_names", "arguments": "debug_annotation_names",
          "values": "debug_annotation_string_values"}  # fmt: skip


def need_perfetto():
    """TraceError when the package that has the format's messages is missing."""
    try:
        import perfetto.protos.perfetto.trace.perfetto_trace_pb2  # noqa: F401
    except ImportError:
        raise TraceError("exporting a trace needs the package perfetto: pip install 'emu[viz]'") from None


def export(trace, file, progress=False):
    """Write what a Trace holds, whole or damaged, to a binary file."""
    need_perfetto()
    _Export(trace, file).write(progress)


class _Export:
    def __init__(self, trace, file):
        from perfetto.protos.perfetto.trace import perfetto_trace_pb2

        self.protos, self.trace, self.file = perfetto_trace_pb2, trace, file
        self.identities = Identities(trace)
        self.sched, self.queues = Sched(trace, self.identities), Queues(trace)
        self.tracks = Tracks(trace, self.identities, Flows(trace))

    def write(self, progress):
        self._write_clock()
        self._write_cpu_tracks()
        self._write_actors()
        self._write_guest_threads()
        count, holders = len(self.trace.events), Holders(self.trace)
        with tqdm(total=count, unit="event", unit_scale=True, disable=None if progress else True) as bar:
            for start in range(0, count, CHUNK_EVENTS):
                chunk = Chunk(self.trace, self.identities, holders, start, start + CHUNK_EVENTS)
                self._write_chunk(chunk)
                chunk.close()
                bar.update(len(chunk))
        self._write_acting()

    def _write_chunk(self, chunk):
        for piece in self.sched.packets(chunk):
            self.file.write(piece)
        for rows in self.tracks.packets(chunk, self.sched):
            self._write_names()
            self.file.write(rows.reshape(-1).data)
        self.file.write(self.tracks.counters(*self.queues.changes(chunk)).reshape(-1).data)

    def _packet(self, **fields):
        packet = self.protos.TracePacket(trusted_packet_sequence_id=SEQUENCE, **fields)
        self.file.write(self.protos.Trace(packet=[packet]).SerializeToString())

    def _write_clock(self):
        clocks = [{"clock_id": BOOT, "timestamp": 0}]
        if (boot_ns := self.trace.header["clock"]["boot_ns"]) > 0:
            clocks.append({"clock_id": MONOTONIC, "timestamp": boot_ns})
        if (date_ns := _date_ns(self.trace.header.get("date"))) > 0:
            clocks.append({"clock_id": REALTIME, "timestamp": date_ns})
        self._packet(clock_snapshot={"clocks": clocks, "primary_trace_clock": BOOT}, sequence_flags=NAMES_FROM_HERE)
        machine = self.trace.header["machine"]
        # Prev_state's numbers are those of Linux from 4.14 on, and readers look here for which they are.
        names = {"sysname": "Linux", "machine": "riscv64", "release": "6.1.0-emu", "version": machine["policy"]}
        self._packet(system_info={"utsname": names, "num_cpus": machine["cpus"]})

    def _write_cpu_tracks(self):
        """Beside what each CPU runs: its interrupts, and its queue's length."""
        process = {"pid": EMU_PID, "process_name": "emu"}
        self._packet(track_descriptor={"uuid": CPUS_TRACK, "process": process, "child_ordering": 3})
        machine = self.trace.header["machine"]
        queues = [(GLOBAL_QUEUE_TRACK, "global queue")]
        queues += [(QUEUE_TRACK + cpu, f"CPU {cpu} queue") for cpu in range(machine["cpus"])]
        for rank, (uuid, name) in enumerate(queues):
            counter = {"unit_name": "threads", "y_axis_share_key": "queues"}
            self._packet(track_descriptor={"uuid": uuid, "parent_uuid": CPUS_TRACK, "name": name, "counter": counter,
                                           "sibling_order_rank": rank})  # fmt: skip
        for cpu in range(machine["cpus"]):
            self._packet(track_descriptor={"uuid": CPU_TRACK + cpu, "parent_uuid": CPUS_TRACK, "name": f"CPU {cpu}",
                                           "sibling_order_rank": len(queues) + cpu})  # fmt: skip

    def _write_guest_threads(self):
        """Names, and a track for each thread's events."""
        processes = [{"pid": pid, "cmdline": [name]} for pid, name in self.identities.processes.items()]
        self._packet(process_tree={"processes": processes}, timestamp=0)
        threads = []
        for tid, pid, name in self.identities.thread_rows():
            threads.append({"tid": tid, "tgid": pid, "name": name})
            if len(threads) == TREE_THREADS:
                self._packet(process_tree={"threads": threads}, timestamp=0)
                threads.clear()
        self._packet(process_tree={"threads": threads}, timestamp=0)
        tids, pids = self.identities.tids, self.identities.pids
        descriptor = message(60, varint(1, tids), message(4, varint(1, pids), varint(2, tids)))
        self.file.write(encode(len(tids), message(1, varint(10, SEQUENCE), descriptor)).reshape(-1).data)

    def _write_actors(self):
        """Tracks of those that are no CPUs; they have to be there before their events."""
        for number, name in self.trace.header["values"]["actor"].items():
            if number >= self.trace.header["machine"]["cpus"]:
                tid = self.identities.acting(f"emu-{name}")
                self._packet(track_descriptor={"uuid": tid, "thread": {"pid": EMU_PID, "tid": tid}})

    def _write_acting(self):
        """The names of all that woke somebody and is no thread."""
        threads = [(EMU_PID, "emu"), *self.identities.actors()]
        tree = [{"tid": tid, "tgid": EMU_PID, "name": name} for tid, name in threads]
        self._packet(process_tree={"threads": tree}, timestamp=0)

    def _write_names(self):
        if fresh := self.tracks.names.take_fresh():
            known = {table: [_interned(table, *item) for item in names.items()] for table, names in fresh.items()}
            self._packet(interned_data={TABLES[table]: entries for table, entries in known.items()})


def _interned(table, text, number):
    return {"iid": number, "str": text.encode()} if table == "values" else {"iid": number, "name": text}


def _date_ns(text):
    """Of the header's date; 0 where it has none that can be read."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp() * 1e9)
    except (TypeError, ValueError, OverflowError):
        return 0
