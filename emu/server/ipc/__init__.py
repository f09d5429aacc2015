"""What processes share by key or by name: semaphores, message queues. Cold: each call is the system server's."""
