"""Four labs: tasks, starting files, graders, solutions."""
