# SPDX-License-Identifier: Apache-2.0
# claim: two busy loops on every processor: late, but not taken for dead: the engine is not started anew
# limit-s: 180
. /vm/cases/platform.sh
bpf=yes
agent first allow
agent second cache
work_start
platform /
for _ in 1 2 3 4; do
	(while :; do :; done) &
done
sleep 10
work_goes_on
generation_must_be 1
[ "$(status parent.processes.cage.restarts)" = 0 ] || platform_fail "the cage was started anew"
