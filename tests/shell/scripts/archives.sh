mkdir -p in/sub; seq 1 5000 > in/numbers; echo text > in/sub/text; ln -s text in/sub/link; chmod 640 in/numbers
tar cf - in | gzip -9 > a.tgz; gunzip < a.tgz | tar tf - | sort
mkdir out; tar xzf a.tgz -C out; cmp in/numbers out/in/numbers; echo $?; readlink out/in/sub/link; stat -c %a out/in/numbers
bzip2 < in/numbers | bunzip2 | md5sum; xz -d < /dev/null 2>/dev/null; echo in/sub/text | cpio -o -H newc 2>/dev/null | cpio -t 2>/dev/null
