# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: overlayfs over it, mounted after the start, within a second: caught
# bypass: exec overlayfs over it, mounted after the start, within a second
# expect: caught
. /vm/cases/platform.sh
prepare() {
	umount merged 2>/dev/null
	mkdir -p lower other merged
	make_bad exec lower/bad
}
way() {
	mount -t overlay -o lowerdir=lower:other overlay merged || fail "overlay"
	settle
	merged/bad
}
bypass
