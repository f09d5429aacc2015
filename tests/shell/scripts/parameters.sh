path=/usr/lib/file.tar.gz; unset none; empty=
echo ${path#*/} ${path##*/} ${path%.*} ${path%%.*} ${#path}
echo "${none-a} ${none:-b} ${empty-c} ${empty:-d} ${path+e} ${none+f}|${empty:+g}"
echo ${none:=assigned} $none
(echo ${empty:?is empty}) 2>&1 | sed 's/.*: //'; echo $?
star='*'; echo "$star" "${path%"${path##*/}"}"
echo ${path:5:3} ${path/lib/bin} ${path//\//:}
