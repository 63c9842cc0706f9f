# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: memfd: not caught (known: fanotify asks nothing about files in memory; the notify event `memfd` tells it)
# bypass: exec memfd
# expect: not caught (known: fanotify asks nothing about files in memory; the notify event `memfd` tells it)
. /vm/cases/platform.sh
prepare() {
	cat /vm/helpers/vm_hello >good
}
way() {
	vm_bypass memfd-exec good
}
bypass
