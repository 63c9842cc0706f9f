# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: good when judged, turned bad through a MAP_SHARED mapping, opened again: caught
# bypass: open good when judged, turned bad through a MAP_SHARED mapping, opened again
# expect: caught
. /vm/cases/platform.sh
prepare() {
	rm -f good
	printf 'so far it is ok.' >good
}
way() {
	vm_bypass map-write good
}
bypass
