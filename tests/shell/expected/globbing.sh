a1 a2 b1 c10 d script with space
a1 a2
a1 b1
b1 c10 d script with space
d/x d/y
.hidden
none*
*
<a1>
<a2>
<b1>
<c10>
<d>
<script>
<with space>
* ? *
literal
status 0
