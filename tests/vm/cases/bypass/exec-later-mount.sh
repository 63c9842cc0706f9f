# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: file system mounted after the start, within a second: caught
# bypass: exec file system mounted after the start, within a second
# expect: caught
. /vm/cases/platform.sh
prepare() {
	umount disk 2>/dev/null
	mkdir -p disk
}
way() {
	mount -t tmpfs tmpfs disk || fail tmpfs
	make_bad exec disk/bad
	settle
	disk/bad
}
bypass
