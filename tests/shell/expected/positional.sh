10 a b c k none
<a><b c><d><e><f><g><h><i><j><k>
<a><b><c><d><e><f><g><h><i><j><k>
a-b c-d-e-f-g-h-i-j-k
7 e
7
0
1
status 0
