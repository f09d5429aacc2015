"""A lab: see task.md."""
