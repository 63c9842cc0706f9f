# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: open(2): caught
# bypass: open open(2)
# expect: caught
. /vm/cases/platform.sh
prepare() {
	make_bad open bad
}
way() {
	cat bad
}
bypass
