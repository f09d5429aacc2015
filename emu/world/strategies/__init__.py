"""Strategies: each decides, before every event, which thread goes on.  One file each, with its paper.

`choose(world, current)`, a callback, returns one of the threads in WORLD.waiting, or `current`, which is about to do
what its WORLD_THREAD says (-1: it cannot go on, or spins).  A strategy that has never seen a thread finds zeros in the
words that are its own, WORLD_THREAD.priority and .tail.  WORLD.state and .weights are what `prepare(w, facts, …)`,
cold, has made of them before the schedule, by the facts of profiles (explore/profiles.py) and by values of PARAMETERS,
{name: (default, what it is, least, most)}.  All chance comes from chance.py.
"""
