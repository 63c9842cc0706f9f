# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: overlayfs over it, mounted after the start: caught from 6.8 on
# bypass: exec overlayfs over it, mounted after the start
# expect: caught
# expect-6.1: not caught (known: before 6.8 overlayfs opens the lower file without an event; what was mounted before the start has a mark of its own)
. /vm/cases/platform.sh
prepare() {
	umount merged 2>/dev/null
	mkdir -p lower other merged
	make_bad exec lower/bad
}
way() {
	mount -t overlay -o lowerdir=lower:other overlay merged || fail "overlay"
	merged/bad
}
bypass
