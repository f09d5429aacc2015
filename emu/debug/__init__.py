"""Debuggers of guests. gdb/: the server that gdb connects to; target.py: what any debugger does to a machine."""
