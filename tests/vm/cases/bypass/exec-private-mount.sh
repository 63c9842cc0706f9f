# SPDX-License-Identifier: Apache-2.0
# claim: executing: file system mounted in a mount namespace of its own: not caught (known: the mark is on the file systems that were there at the start)
# bypass: exec file system mounted in a mount namespace of its own
# expect: not caught (known: the mark is on the file systems that were there at the start)
. /vm/cases/lib.sh
prepare() {
	mkdir -p disk
	make_bad exec bad
}
way() {
	unshare -m sh -c 'mount -t tmpfs tmpfs disk && cat bad >disk/bad && chmod 755 disk/bad && sleep 1; disk/bad'
}
bypass
