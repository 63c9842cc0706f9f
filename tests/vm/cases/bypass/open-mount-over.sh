# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: mounted over a good file's name: caught
# bypass: open mounted over a good file's name
# expect: caught
. /vm/cases/platform.sh
prepare() {
	umount good 2>/dev/null
	echo fine >good
	make_bad open bad
}
way() {
	mount --bind bad good || fail "bind mount"
	cat good
}
bypass
