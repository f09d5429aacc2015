"""Figures of a machine while it runs, as seen from another process: `emu ps`, `emu stats`, `emu top`."""
