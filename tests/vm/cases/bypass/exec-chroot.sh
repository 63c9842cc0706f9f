# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: chroot(2): caught
# bypass: exec chroot(2)
# expect: caught
. /vm/cases/platform.sh
prepare() {
	mkdir -p jail
	make_bad exec jail/bad
}
way() {
	chroot jail /bad
}
bypass
