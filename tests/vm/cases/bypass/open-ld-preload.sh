# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: library by LD_PRELOAD: caught
# bypass: open library by LD_PRELOAD
# expect: caught
. /vm/cases/platform.sh
prepare() {
	build_preload bad.so
	printf RINGSIDE-NO-OPEN >>bad.so
}
way() {
	build_plain plain
	LD_PRELOAD=./bad.so ./plain
}
bypass
