# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: opening: user and mount namespace of its own: caught
# bypass: open user and mount namespace of its own
# expect: caught
. /vm/cases/platform.sh
prepare() {
	mkdir -p here there
	make_bad open here/bad
}
way() {
	unshare -U -r -m sh -c 'mount --bind here there && cat there/bad'
}
bypass
