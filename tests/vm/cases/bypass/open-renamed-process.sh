# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: process that calls itself ringsided: caught
# bypass: open process that calls itself ringsided
# expect: caught
. /vm/cases/platform.sh
prepare() {
	make_bad open bad
}
way() {
	vm_bypass renamed-process bad
}
bypass
