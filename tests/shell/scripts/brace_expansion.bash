echo {a,b,c}{1,2} {1..5} {5..1..2} {a..e} {01..03} x{,y}z {a,{b,c}d} \{no,no\} {single}
mkdir -p tree/{src,doc}/{a,b}; find tree -type d | sort | tr '\n' ' '; echo; echo ~+ | sed 's,.*/,,'; v=a,b; echo {$v}
