apple 1
apple 10
fig 2
pear 3
apple 1
fig 2
pear 3
apple 10
apple 1
fig 2
pear 3
2 apple
1 fig
1 pear
pr 3
ppl 10
fg 2
ppl 1
pear 3
     1	pear 3
     2	apple 10
pear 3+pear 3
appl
e 1
3 raep
0
   p   e   a   r       3  \n   a   p   p   l   e       1   0  \n
apple 1
status 0
