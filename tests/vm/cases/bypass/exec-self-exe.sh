# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: /proc/self/exe of a process that ran before the protection: caught
# bypass: exec /proc/self/exe of a process that ran before
# expect: caught
. /vm/cases/platform.sh
prepare() {
	rm -f said
	[ -p go ] || {
		mkfifo go
		exec 9<>go # held open, so that the waiting process never sees its end
	}
	cat /vm/helpers/vm_bypass >bad
	printf RINGSIDE-NO-EXEC >>bad
	chmod 755 bad
	./bad self-exe wait <go >said 2>&1 &
	wait_until 20 grep -q waiting said || fail "the process does not run: $(cat said)"
}
way() {
	printf g >&9 # one byte: what is left would start the next one too early
	wait_until 20 grep -qE 'through|denied|why' said
	cat said
}
bypass
