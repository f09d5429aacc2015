dd if=/dev/zero of=z bs=1024 count=100 2>/dev/null; wc -c < z
printf abcdefgh > f; dd if=f bs=1 skip=2 count=3 2>/dev/null; echo; printf XY | dd of=f bs=1 seek=4 conv=notrunc 2>/dev/null; cat f; echo
md5sum z | cut -c 1-32; sha256sum f | cut -c 1-16; truncate -s 3 f; cat f; echo
head -c 5 /dev/zero | od -An -tx1; seq 1 9 | head -c 7 | tail -c 3
