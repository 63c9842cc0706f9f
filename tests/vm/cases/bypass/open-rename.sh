# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: rename: caught
# bypass: open rename
# expect: caught
. /vm/cases/platform.sh
prepare() {
	rm -f moved
	make_bad open bad
}
way() {
	mv bad moved
	cat moved
}
bypass
