# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: file system mounted in a mount namespace of its own: not caught (known: the platform sees the mounts of its own mount namespace only)
# bypass: open file system mounted in a mount namespace of its own
# expect: not caught (known: the platform sees the mounts of its own mount namespace only)
. /vm/cases/platform.sh
prepare() {
	mkdir -p disk
}
way() {
	unshare -m sh -c 'mount -t tmpfs tmpfs disk && printf RINGSIDE-NO-OPEN >disk/bad && sleep 1; cat disk/bad'
}
bypass
