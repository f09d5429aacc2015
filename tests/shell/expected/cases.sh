: empty
3.14: decimal
7: small
42: small
123: mixed
-x: signed
+5: signed
abc: word
a1b: mixed
two words: mixed
paren
status 0
