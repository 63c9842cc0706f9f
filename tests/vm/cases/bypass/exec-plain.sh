# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: execve(2): caught
# bypass: exec execve(2)
# expect: caught
. /vm/cases/platform.sh
prepare() {
	make_bad exec bad
}
way() {
	./bad
}
bypass
