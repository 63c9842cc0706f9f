# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: file system mounted in a mount namespace of its own: not caught (known: the platform sees the mounts of its own mount namespace only)
# bypass: exec file system mounted in a mount namespace of its own
# expect: not caught (known: the platform sees the mounts of its own mount namespace only)
. /vm/cases/platform.sh
prepare() {
	mkdir -p disk
	make_bad exec bad
}
way() {
	unshare -m sh -c 'mount -t tmpfs tmpfs disk && cat bad >disk/bad && chmod 755 disk/bad && sleep 1; disk/bad'
}
bypass
