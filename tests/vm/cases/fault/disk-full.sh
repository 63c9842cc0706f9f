# SPDX-License-Identifier: Apache-2.0
# claim: state_dir and the log are full: verdicts go on, an action that cannot be journaled is not done, room makes it well again
# limit-s: 240
. /vm/cases/pairs.sh
seconds=0
mkdir -p /var/lib/ringside logs
mount -t tmpfs -o mode=755,size=256k tmpfs /var/lib/ringside
mount -t tmpfs -o size=256k tmpfs logs
log=$PWD/logs/log
add_behaviour
add_reputation
readable
platform /
dd if=/dev/zero of=/var/lib/ringside/fill bs=4k 2>/dev/null
dd if=/dev/zero of=logs/fill bs=4k 2>/dev/null
# what is left of the journal's last page may take some records more
for _ in 1 2 3 4 5 6; do
	vm_bypass memfd-exec sleeper >/dev/null 2>&1
	ended=$?
	[ "$ended" = 77 ] && break
done
[ "$ended" = 77 ] || platform_fail "a program was ended though the journal is full: $ended"
./listed 2>/dev/null && platform_fail "what is denied runs"
denied_by reputation
work_start
work_goes_on
agents_are live || platform_fail "not all agents are live"
generation_must_be 1
[ "$(status parent.processes.cage.restarts)" = 0 ] || platform_fail "the cage was started anew"
rm /var/lib/ringside/fill logs/fill
vm_bypass memfd-exec sleeper >/dev/null 2>&1
ended=$?
[ "$ended" = 137 ] || platform_fail "with room in the journal nothing is ended: $ended"
