touch a1 a2 b1 .hidden 'with space' c10
mkdir d; touch d/x d/y
echo *; echo a? ; echo [ab]1; echo [!a]*; echo */*; echo .h*; echo none*
set -f; echo *; set +f
for each in *; do echo "<$each>"; done
echo "*" '?' \*
case with*space in with\*space) echo literal;; *) echo other;; esac
