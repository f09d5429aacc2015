two 3 three 3 0 1 2
0 1 2 3 10
<one>
<two>
<three 3>
<four>
<ten>
two three 3 one wo hree 3 four en 0ne tw0 three 3 f0ur ten
4
declare -a b=([0]="one" [1]="three 3" [2]="four" [3]="ten")
249001 500
status 0
