# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: bind mount: caught
# bypass: open bind mount
# expect: caught
. /vm/cases/platform.sh
prepare() {
	umount there 2>/dev/null
	mkdir -p here there
	make_bad open here/bad
}
way() {
	mount --bind here there || fail "bind mount"
	cat there/bad
}
bypass
