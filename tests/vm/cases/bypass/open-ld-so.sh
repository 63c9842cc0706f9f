# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: program given to ld.so: caught
# bypass: open program given to ld.so
# expect: caught
. /vm/cases/platform.sh
prepare() {
	cp dynamic bad 2>/dev/null || { build_hello dynamic && cp dynamic bad; }
	printf RINGSIDE-NO-OPEN >>bad
}
way() {
	/lib64/ld-linux-x86-64.so.2 ./bad
}
bypass
