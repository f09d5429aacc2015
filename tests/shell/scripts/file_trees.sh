mkdir -p a/b/c; echo 1 > a/one; cp a/one a/b/two; ln a/one a/hard; ln -s ../one a/b/soft
cat a/b/soft; stat -c '%h %s %F' a/one; [ a/one -ef a/hard ]; echo $?
cp -r a copy; mv copy/b moved; ls -R copy moved | cat; readlink moved/soft
rm -r a/b; rmdir a 2>/dev/null; echo $?; rm -rf a copy moved; ls
mkdir d && cd d && rmdir ../d; ls . 2>/dev/null; echo $?; cd ..; pwd | sed 's,.*/,,'
