# SPDX-License-Identifier: Apache-2.0
# What the cases share. Read by `. /vm/cases/lib.sh`. A case runs in an empty folder of the root file system as
# root; everything it starts is ended after it.

fail() {
	echo "why: $*"
	exit 1
}

# wait_until SECONDS COMMAND…: until the command succeeds.
wait_until() {
	local left=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		usleep 50000
	done
}

# answerer MODE [PATH]: a raw fanotify answerer on the whole file system of PATH (default: the root).
answerer() {
	vm_answerer "${2:-/}" "$1" >/run/answerer 2>&1 &
	answerer_pid=$!
	wait_until 5 grep -q ready /run/answerer || fail "the raw answerer did not start: $(cat /run/answerer)"
}
