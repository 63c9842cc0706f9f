# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: bind mount: caught
# bypass: exec bind mount
# expect: caught
. /vm/cases/platform.sh
prepare() {
	umount there 2>/dev/null
	mkdir -p here there
	make_bad exec here/bad
}
way() {
	mount --bind here there || fail "bind mount"
	there/bad
}
bypass
