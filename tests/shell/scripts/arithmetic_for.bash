for ((i = 0, j = 10; i < j; i += 3, j--)); do echo -n "$i-$j "; done; echo
((x = 5, y = x ** 3)); echo $y; ((0)); echo $?; ((7)); echo $?; let 'z = 7 / 2' z++; echo $z; echo $((16#ff + 2#101 + 36#z)) $((y > 100 ? 1 : 0))
primes=(); for ((n = 2; n < 60; n++)); do for p in "${primes[@]}"; do ((n % p == 0)) && continue 2; done; primes+=($n); done; echo "${primes[@]}"
