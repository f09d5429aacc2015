Stopped
Running
continued
143
status 0
