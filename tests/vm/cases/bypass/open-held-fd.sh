# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: good when opened, read through the old descriptor after it turned bad: not caught (known: a verdict is about the file at the time of its open)
# bypass: open good when opened, read through the old descriptor after it turned bad
# expect: not caught (known: a verdict is about the file at the time of its open)
. /vm/cases/platform.sh
prepare() {
	rm -f good
	printf 'so far it is ok.' >good
}
way() {
	vm_bypass held-fd good
}
bypass
