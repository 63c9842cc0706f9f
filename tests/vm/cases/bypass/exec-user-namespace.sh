# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: executing: user and mount namespace of its own: caught
# bypass: exec user and mount namespace of its own
# expect: caught
. /vm/cases/platform.sh
prepare() {
	mkdir -p here there
	make_bad exec here/bad
}
way() {
	unshare -U -r -m sh -c 'mount --bind here there && there/bad'
}
bypass
