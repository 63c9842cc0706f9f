# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: rename: caught
# bypass: exec rename
# expect: caught
. /vm/cases/platform.sh
prepare() {
	rm -f moved
	make_bad exec bad
}
way() {
	mv bad moved
	./moved
}
bypass
