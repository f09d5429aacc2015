Hello World HELLO WORLD hello world HELLO wORLD heLLO WOrLd
hello World lo Wor hell0 World hell0 W0rld Jo World hello Worm
0
same
X YY
11 hello world
status 0
