# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: library by LD_PRELOAD: not caught (known: a library is opened and mapped, not executed; deny the open)
# bypass: exec library by LD_PRELOAD
# expect: not caught (known: a library is opened and mapped, not executed; deny the open)
. /vm/cases/platform.sh
prepare() {
	build_preload bad.so
	printf RINGSIDE-NO-EXEC >>bad.so
}
way() {
	build_plain plain
	LD_PRELOAD=./bad.so ./plain
}
bypass
