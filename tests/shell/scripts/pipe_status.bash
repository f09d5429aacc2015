true | (exit 3) | false; echo "${PIPESTATUS[@]}"; set -o pipefail; (exit 4) | true; echo $?; set +o pipefail
yes | head -n 1 > /dev/null; echo "${PIPESTATUS[@]}"; ! true | true; echo $?; (exit 2) |& cat; echo "${PIPESTATUS[*]}"
shopt -s lastpipe; echo value | read -r v; echo "$v"
