set by set_it
1
5
a b c x
9
1
abc ABC
prefix_a prefix_b
status 0
