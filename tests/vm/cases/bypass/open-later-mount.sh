# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: file system mounted after the start, within a second: caught
# bypass: open file system mounted after the start, within a second
# expect: caught
. /vm/cases/platform.sh
prepare() {
	umount disk 2>/dev/null
	mkdir -p disk
}
way() {
	mount -t tmpfs tmpfs disk || fail tmpfs
	make_bad open disk/bad
	settle
	cat disk/bad
}
bypass
