# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: deleted file, by its descriptor: caught
# bypass: exec deleted file, by its descriptor
# expect: caught
. /vm/cases/platform.sh
prepare() {
	make_bad exec bad
}
way() {
	vm_bypass deleted-exec bad
}
bypass
