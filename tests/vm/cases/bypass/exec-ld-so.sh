# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: program given to ld.so: not caught (known: ld.so opens and maps it, it is not executed; deny the open)
# bypass: exec program given to ld.so
# expect: not caught (known: ld.so opens and maps it, it is not executed; deny the open)
. /vm/cases/platform.sh
prepare() {
	cp dynamic bad 2>/dev/null || { build_hello dynamic && cp dynamic bad; }
	printf RINGSIDE-NO-EXEC >>bad
}
way() {
	/lib64/ld-linux-x86-64.so.2 ./bad
}
bypass
