# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: execveat(2) of an O_PATH descriptor: caught
# bypass: exec execveat(2) of an O_PATH descriptor
# expect: caught
. /vm/cases/platform.sh
prepare() {
	make_bad exec bad
}
way() {
	vm_bypass path-fd-exec bad
}
bypass
