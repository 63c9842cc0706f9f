# SPDX-License-Identifier: Apache-2.0
# What the cases share. Read by `. /vm/cases/lib.sh`. A case runs in an empty folder of the root file system as
# root; everything it starts is ended after it.

fail() {
	echo "why: $*"
	exit 1
}

# now_ms: of the guest's clock, in steps of 10 ms. No program is started for it.
now_ms() {
	local up rest
	read -r up rest </proc/uptime
	echo "${up%.*}${up#*.}0"
}

# wait_until SECONDS COMMAND…: until the command succeeds.
wait_until() {
	local end
	end=$(($(now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		usleep 50000
	done
}

# answerer MODE [PATH]: a raw fanotify answerer on the whole file system of PATH (default: the root).
answerer() {
	vm_answerer "${2:-/}" "$1" >/run/answerer 2>&1 &
	answerer_pid=$!
	wait_until 5 grep -q ready /run/answerer || fail "the raw answerer did not start: $(cat /run/answerer)"
}

# make_bad open|exec FILE: a file that may not be opened, or a program that may not be executed.
make_bad() {
	case $1 in
	open) printf RINGSIDE-NO-OPEN >"$2" ;;
	exec)
		cat /vm/helpers/vm_hello >"$2"
		printf RINGSIDE-NO-EXEC >>"$2"
		chmod 755 "$2"
		;;
	esac
}

# observed COMMAND…: `caught` or `not caught`, by what the command prints.
observed() {
	local output
	output=$("$@" 2>&1)
	case $output in
	*through* | RINGSIDE-NO-OPEN) echo "not caught" ;;
	*denied* | *"not permitted"* | *"cannot be preloaded"*) echo caught ;;
	*) echo "unknown: $output" ;;
	esac
}

# bypass: one way around the protection. The case defines prepare (makes the files, again and again) and way (goes
# it). It must lead through while nothing protects the machine; under protection, and while the plain way is
# denied, it must end as the line `# expect:` (or `# expect-KERNEL:`) of the case says: better than expected is a failure too.
bypass() {
	local kind=open expected result
	case $0 in */exec-*) kind=exec ;; esac
	expected=$(sed -n "s/^# expect-$(uname -r | cut -d. -f1,2): //p" "$0")
	[ "$expected" ] || expected=$(sed -n 's/^# expect: //p' "$0")
	prepare
	result=$(observed way)
	[ "$result" = "not caught" ] || fail "the way does not lead through an unprotected machine: $result"
	prepare
	make_bad "$kind" control
	guard
	if [ "$kind" = open ]; then result=$(observed cat control); else result=$(observed ./control); fi
	[ "$result" = caught ] || fail "the plain way is not denied: $result"
	result=$(observed way)
	case $expected in
	"$result"*) ;;
	*) fail "expected $expected, observed $result" ;;
	esac
}

# Programs and libraries of the loader's ways, built here: they must be dynamic.
build_hello() {
	printf '#include <stdio.h>\nint main(void) { puts("through"); return 0; }\n' >hello.c
	tcc -o "$1" hello.c || fail "tcc cannot build a program"
}

build_plain() {
	[ -x "$1" ] && return
	printf '#include <stdio.h>\nint main(void) { puts("plain"); return 0; }\n' >plain.c
	tcc -o "$1" plain.c || fail "tcc cannot build a program"
}

# A library that puts itself before puts(3).
build_preload() {
	[ -f preload.so ] || {
		printf '#include <unistd.h>\nint puts(const char *s) { return (int)write(1, "through\\n", 8); }\n' >preload.c
		tcc -shared -o preload.so preload.c || fail "tcc cannot build a library"
	}
	rm -f "$1"
	cp preload.so "$1"
}

# Time for the platform to notice a new mount.
settle() {
	sleep 1
}
