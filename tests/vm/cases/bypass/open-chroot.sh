# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: chroot(2): caught
# bypass: open chroot(2)
# expect: caught
. /vm/cases/platform.sh
prepare() {
	mkdir -p jail
	cp /bin/busybox jail/
	make_bad open jail/bad
}
way() {
	chroot jail /busybox cat /bad
}
bypass
