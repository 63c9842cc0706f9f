# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: O_PATH descriptor, opened again through /proc/self/fd: caught
# bypass: open O_PATH descriptor, opened again through /proc/self/fd
# expect: caught
. /vm/cases/platform.sh
prepare() {
	make_bad open bad
}
way() {
	vm_bypass path-fd-reopen bad
}
bypass
