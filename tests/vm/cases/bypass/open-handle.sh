# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: open_by_handle_at(2): caught
# bypass: open open_by_handle_at(2)
# expect: caught
. /vm/cases/platform.sh
prepare() {
	make_bad open bad
}
way() {
	vm_bypass handle bad
}
bypass
