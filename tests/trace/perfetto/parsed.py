"""An exported trace, parsed back with the format's own messages: what tests look at."""

import io
from collections import defaultdict

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as protos

from emu.trace.perfetto.export import export

BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4


class Parsed:
    """`switches` and `wakings` by CPU, `events` of tracks with names for numbers, `processes`, `threads`, `tracks`."""

    def __init__(self, trace):
        file = io.BytesIO()
        export(trace, file)
        self.bytes = file.getvalue()
        self.packets = list(protos.Trace.FromString(self.bytes).packet)
        self.switches, self.wakings, self.ftrace = defaultdict(list), [], defaultdict(list)
        self.events, self.counters, self.tracks, self.processes, self.threads = [], defaultdict(list), {}, {}, {}
        self._names = defaultdict(dict)
        for packet in self.packets:
            getattr(self, f"_{packet.WhichOneof('data')}", self._other)(packet)

    def _other(self, packet):
        for table, field in (("event_names", "name"), ("event_categories", "name"), ("debug_annotation_names", "name"),
                             ("debug_annotation_string_values", "str")):  # fmt: skip
            for entry in getattr(packet.interned_data, table):
                assert entry.iid not in self._names[table]
                self._names[table][entry.iid] = getattr(entry, field)

    def _ftrace_events(self, packet):
        bundle = packet.ftrace_events
        for event in bundle.event:
            self.ftrace[bundle.cpu].append(event)
            if event.HasField("sched_switch"):
                self.switches[bundle.cpu].append(event)
            else:
                self.wakings.append(event)

    def _process_tree(self, packet):
        for process in packet.process_tree.processes:
            assert process.pid not in self.processes
            self.processes[process.pid] = process.cmdline[0]
        for thread in packet.process_tree.threads:
            assert thread.tid not in self.threads
            self.threads[thread.tid] = thread.name, thread.tgid

    def _track_descriptor(self, packet):
        assert packet.track_descriptor.uuid not in self.tracks
        self.tracks[packet.track_descriptor.uuid] = packet.track_descriptor

    def _track_event(self, packet):
        assert packet.trusted_packet_sequence_id and packet.track_event.track_uuid in self.tracks
        event = packet.track_event
        if event.type == COUNTER:
            name = self.tracks[event.track_uuid].name
            self.counters[name].append((packet.timestamp, event.counter_value))
            return
        annotations = {}
        for annotation in event.debug_annotations:
            name = self._names["debug_annotation_names"][annotation.name_iid]
            kind = annotation.WhichOneof("value")
            value = getattr(annotation, kind)
            if kind == "string_value_iid":
                value = self._names["debug_annotation_string_values"][value].decode()
            annotations[name] = value
        name = self._names["event_names"][event.name_iid] if event.name_iid else ""
        self.events.append((packet.timestamp, event.type, event.track_uuid, name, annotations, list(event.flow_ids)))

    def named(self, name):
        """The events of tracks with a name, in order of time."""
        return sorted((e for e in self.events if e[3] == name), key=lambda e: e[0])
