# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: truncate(2), which opens nothing: not caught (known: no permission event; the notify event `truncate` tells it)
# bypass: open truncate(2), which opens nothing
# expect: not caught (known: no permission event; the notify event `truncate` tells it)
. /vm/cases/platform.sh
prepare() {
	make_bad open bad
}
way() {
	vm_bypass truncate bad
}
bypass
