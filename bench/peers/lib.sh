# SPDX-License-Identifier: Apache-2.0
# Sourced by the peers beside it, each called as
#
#     unshare --mount --propagation private bench/peers/NAME WORK FOLDER UNPACKED
#
# A peer is another product that guards FOLDER, a file system of its own. The script sets it up with everything it
# keeps in WORK, says `ready`, and takes it down again when its standard input ends. When it cannot run here it
# says `why: …` and ends: the table then says so. Programs come from the machine or else from UNPACKED (peers/unpack).
# Whatever is mounted here only this mount namespace sees; bench/run starts its work in it.
# shellcheck shell=sh disable=SC2034  # who sources it uses them
set -eu

work=$1 folder=$2 unpacked=$3
libraries=$unpacked/usr/lib/$(uname -m)-linux-gnu:$unpacked/lib/$(uname -m)-linux-gnu
started=""

why() {
	echo "why: $*"
	exit 0
}

# Where a program is.
find_program() {
	for found in "/usr/sbin/$1" "/usr/bin/$1" "/sbin/$1" "$unpacked/usr/sbin/$1" "$unpacked/usr/bin/$1" "$unpacked/sbin/$1"; do
		if [ -x "$found" ]; then
			echo "$found"
			return
		fi
	done
	echo "why: $1 is neither installed nor unpacked: bench/peers/unpack" >&3
	exit 1
}

# This folder of the machine can be written for as long as this mount namespace lives, and nothing of it stays.
private() {
	mkdir -p "$work/upper$1" "$work/work$1"
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$work/upper$1,workdir=$work/work$1" "$1" ||
		why "no overlay over $1, which keeps the machine's own settings out of this"
}

start() {
	LD_LIBRARY_PATH=$libraries "$@" >>"$work/log" 2>&1 </dev/null &
	started="$! $started"
}

# Waits until a command succeeds; a started process that ends meanwhile is the reason why.
wait_until() {
	left=200
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		for pid in $started; do
			kill -0 "$pid" 2>/dev/null || left=0
		done
		[ $left -gt 0 ] || why "it did not start: $(tail -n 3 "$work/log" | tr '\n' ' ')"
		sleep 0.1
	done
}

take_down() {
	for pid in $started; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $started; do
		left=50
		while kill -0 "$pid" 2>/dev/null && [ $left -gt 0 ]; do
			left=$((left - 1))
			sleep 0.1
		done
		kill -9 "$pid" 2>/dev/null || :
	done
}

serve() {
	echo ready
	cat >/dev/null
}

exec 3>&1
trap take_down EXIT
trap 'exit 1' TERM INT
mkdir -p "$work"
chmod 755 "$work"
