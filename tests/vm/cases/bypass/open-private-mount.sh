# SPDX-License-Identifier: Apache-2.0
# claim: opening: file system mounted in a mount namespace of its own: not caught (known: the mark is on the file systems that were there at the start)
# bypass: open file system mounted in a mount namespace of its own
# expect: not caught (known: the mark is on the file systems that were there at the start)
. /vm/cases/lib.sh
prepare() {
	mkdir -p disk
}
way() {
	unshare -m sh -c 'mount -t tmpfs tmpfs disk && printf RINGSIDE-NO-OPEN >disk/bad && sleep 1; cat disk/bad'
}
bypass
