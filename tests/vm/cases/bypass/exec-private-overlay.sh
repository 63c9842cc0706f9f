# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: overlayfs over it, in a mount namespace of its own: caught from 6.8 on
# bypass: exec overlayfs over it, in a mount namespace of its own
# expect: caught
# expect-6.1: not caught (known: before 6.8 overlayfs opens the lower file without an event)
. /vm/cases/platform.sh
prepare() {
	mkdir -p lower other merged
	make_bad exec lower/bad
}
way() {
	unshare -m sh -c 'mount -t overlay -o lowerdir=lower:other overlay merged && merged/bad'
}
bypass
