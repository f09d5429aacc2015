"""A trace in the format of Perfetto (perfetto.dev), and its user interface without internet.

export.py      a Trace to a file, chunk by chunk
identities.py  which numbers threads, tasks and actors have there
sched.py       what CPUs run, and who wakes whom, as ftrace events: sched_switch, sched_waking
kinds.py       which kind of event becomes a slice, an instant, a flow, on which track
tracks.py      these, as track events with their arguments
queues.py      how many threads wait on each queue
rows.py        many messages of one shape as bytes
chunk.py       a stretch of events, with what several of these ask of it
flows.py       arrows from sends to receipts
claims.py      wake-ups that the sleeper's own CPU recorded
output.py      files that are there whole or not at all
view.py        serves the user interface and one trace on 127.0.0.1
"""
