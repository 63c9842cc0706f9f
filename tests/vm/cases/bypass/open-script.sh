# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: script given to its interpreter: caught
# bypass: open script given to its interpreter
# expect: caught
. /vm/cases/platform.sh
prepare() {
	printf 'echo through\n#' >script
	printf RINGSIDE-NO-OPEN >>script
}
way() {
	sh script
}
bypass
