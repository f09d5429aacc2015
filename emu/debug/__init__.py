"""Debuggers (kse-10): what a machine is doing, or was doing when it died, as seen from another process."""
