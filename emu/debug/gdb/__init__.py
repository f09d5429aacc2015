"""The server half of gdb's remote serial protocol (gdb manual, appendix E): `emu run --gdb PORT`."""
