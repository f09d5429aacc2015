2
3
4
<1><2><4><5><6>
6
1
inserted
2
3
4
1,2,3,4,5,6
21 135 3.50
a-B-c
3-5-B-c
zyx
from shell
status 0
