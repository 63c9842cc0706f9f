# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: overlayfs over it, mounted after the start, within a second: caught
# bypass: open overlayfs over it, mounted after the start, within a second
# expect: caught
. /vm/cases/platform.sh
prepare() {
	umount merged 2>/dev/null
	mkdir -p lower other merged
	make_bad open lower/bad
}
way() {
	mount -t overlay -o lowerdir=lower:other overlay merged || fail "overlay"
	settle
	cat merged/bad
}
bypass
