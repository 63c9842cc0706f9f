# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: a deny on the essential set is overridden and recorded
. /vm/cases/platform.sh
verdict_keys="  essential: {add: [$PWD/fs/precious]}"
agent no marker
mkdir fs
mount -t tmpfs tmpfs fs
make_bad open fs/precious
make_bad open fs/other
platform "$PWD/fs"
[ "$(observed cat fs/other)" = caught ] || platform_fail "an ordinary file that the agent denies was opened"
[ "$(observed cat fs/precious)" = "not caught" ] || platform_fail "a file of the essential set was denied"
[ "$(status engine.questions.overridden)" -gt 0 ] || platform_fail "the override was not counted"
