#!/usr/bin/env bash
# shells.sh DIRECTORY: put Debian's static busybox and bash for riscv64 there, with a link for each tool of busybox.
# They come from the Debian mirror that this host's apt uses, by an apt of its own: nothing of the host's is changed.
set -euo pipefail
target=$(mkdir -p "$1" && cd "$1" && pwd)
[ ! -x "$target/bash" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(SUITE)' | awk '$2 == "Debian" && $3 !~ /-/ { print $1; exit }')
mkdir -p "$work"/{lists/partial,cache/archives/partial,out}
touch "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror stable main" >"$work/sources"
options=(-qq -o APT::Architecture=riscv64 -o APT::Architectures=riscv64 -o APT::Sandbox::User=
    -o Dir::State="$work" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
    -o Dir::Etc::sourcelist="$work/sources" -o Dir::Etc::sourceparts=-)
cd "$work/out"
apt-get "${options[@]}" update
apt-get "${options[@]}" download busybox-static bash-static
for package in *.deb; do dpkg-deb -x "$package" .; done
cp "$(find . -name busybox -type f -perm -1)" "$target/busybox"
# Which tools there are stands in the program itself, as names that a NUL ends, one after another.
python3 - "$target" <<'END'
import os, pathlib, re, sys
target = pathlib.Path(sys.argv[1])
names = max(re.findall(rb"(?:[a-z0-9_\[.-]+\0){50,}", (target / "busybox").read_bytes()), key=len).split(b"\0")
for name in sorted({name.decode() for name in names if name and name != b"busybox"}):
    if not os.path.lexists(target / name):
        (target / name).symlink_to("busybox")
END
cp "$(find . -name bash-static -type f -perm -1)" "$target/bash.new"
mv "$target/bash.new" "$target/bash" # last: that it is there says that all is
