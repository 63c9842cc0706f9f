# SPDX-License-Identifier: Apache-2.0
# claim: files that grow, shrink and change, a FIFO, devices, a sparse terabyte, opened while yara scans: allowed in time, and it goes on
# limit-s: 240
. /vm/cases/pairs.sh
bpf=no
mkdir odd
mount -t tmpfs -o dev tmpfs odd
add_yara
cp marked odd/marked
readable
slack_measure
platform "$PWD/odd"
mkfifo odd/fifo
mknod odd/zero c 1 5
mknod odd/disk b 254 0
truncate -s 1T odd/sparse
dd if=/dev/zero of=odd/grows bs=64k count=16 2>/dev/null
cp odd/grows odd/shrinks
cp odd/grows odd/changes
(until [ -e stop ]; do
	head -c 65536 /dev/zero >>odd/grows
	[ "$(stat -c %s odd/grows)" -gt 33554432 ] && : >odd/grows
done) &
(until [ -e stop ]; do
	truncate -s 4M odd/shrinks
	truncate -s 100 odd/shrinks
done) &
(until [ -e stop ]; do
	dd if=/dev/urandom of=odd/changes bs=4k count=4 conv=notrunc 2>/dev/null
done) &
bound=$((open_deadline_ms + bound_extra_ms + slack_ms))
longest=0
for _ in 1 2 3 4 5; do
	for file in fifo zero disk sparse grows shrinks changes; do
		start=$(now_ms)
		: <>odd/$file || platform_fail "$file: not opened"
		took=$(($(now_ms) - start))
		[ "$took" -gt "$longest" ] && longest=$took
		[ "$took" -le "$bound" ] || platform_fail "$file: the open took $took ms, more than $bound"
	done
	cat odd/marked >/dev/null 2>&1 && platform_fail "what a rule matches was opened"
done
touch stop
echo "the longest open took $longest of $bound ms"
agent_is yara live || platform_fail "yara is $(status engine.agents.yara.state)"
[ "$(status engine.agents.yara.strikes)" = 0 ] || platform_fail "yara has strikes: $(status engine.agents.yara.why)"
[ "$(status cage.agents.yara.restarts)" = 0 ] || platform_fail "yara was started anew"
kill -USR1 "$(status cage.agents.yara.pid)"
wait_until 10 grep -q "tally yara" /run/ringside/agents/yara.log || platform_fail "yara says no tally"
grep "yara: questions" /run/ringside/agents/yara.log
