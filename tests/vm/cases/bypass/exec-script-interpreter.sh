# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: script given to its interpreter: not caught (known: the interpreter opens it, it is not executed; deny the open)
# bypass: exec script given to its interpreter
# expect: not caught (known: the interpreter opens it, it is not executed; deny the open)
. /vm/cases/platform.sh
prepare() {
	printf 'echo through\n#' >script
	printf RINGSIDE-NO-EXEC >>script
}
way() {
	sh script
}
bypass
