"""What programs in Python are made of: the verbs of emu/guest.py, and what every program begins and ends with.

Verbs are plain functions, which are compiled as part of each program that calls them, and intrinsics (calls.py,
memory.py), which are its instructions.
"""
