# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: hard link: caught
# bypass: open hard link
# expect: caught
. /vm/cases/platform.sh
prepare() {
	rm -f link
	make_bad open bad
}
way() {
	ln bad link
	cat link
}
bypass
