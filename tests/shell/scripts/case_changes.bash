s='hello World'; echo "${s^} ${s^^} ${s,,} ${s~~} ${s^^[lo]}"; echo "${s:0:5} ${s: -5} ${s:3:-2} ${s/o/0} ${s//o/0} ${s/#hell/J} ${s/%ld/m}"
shopt -s nocasematch; [[ HELLO == hello ]]; echo $?; case ABC in abc) echo same;; esac; a=(x Yy); echo "${a[@]^^}"; echo "${#s} ${s@L}"
