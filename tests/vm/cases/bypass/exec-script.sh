# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: script with `#!`, executed itself: caught
# bypass: exec script with `#!`, executed itself
# expect: caught
. /vm/cases/platform.sh
prepare() {
	printf '#!/bin/sh\necho through\n#' >script
	printf RINGSIDE-NO-EXEC >>script
	chmod 755 script
}
way() {
	./script
}
bypass
