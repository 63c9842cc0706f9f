# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: hard link: caught
# bypass: exec hard link
# expect: caught
. /vm/cases/platform.sh
prepare() {
	rm -f link
	make_bad exec bad
}
way() {
	ln bad link
	./link
}
bypass
