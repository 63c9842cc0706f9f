# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: openat through io_uring: caught
# bypass: open openat through io_uring
# expect: caught
. /vm/cases/platform.sh
prepare() {
	make_bad open bad
}
way() {
	vm_bypass io-uring bad
}
bypass
