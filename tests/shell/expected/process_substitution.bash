--- /dev/fd/63
+++ /dev/fd/62
@@ -1,5 +1,3 @@
 1
-2
 3
-4
 5
1
a	1
b	2
100
THROUGH
nested
status 0
