# SPDX-License-Identifier: Apache-2.0
# claim: files that grow, shrink and change, a sparse terabyte, opened while yara scans: allowed in time and counted as what they are; about a FIFO and devices it is not asked; and it goes on
# limit-s: 240
. /vm/cases/pairs.sh
bpf=no
mkdir odd
mount -t tmpfs -o dev tmpfs odd
add_yara --ends 64K # what is larger is judged by its ends, soon enough on an emulated processor
cp marked odd/marked
readable
slack_measure
platform "$PWD/odd"
mkfifo odd/fifo
mknod odd/zero c 1 5
mknod odd/disk b 254 0
truncate -s 1024G odd/sparse || fail "no sparse file is made"
dd if=/dev/zero of=odd/grows bs=64k count=16 2>/dev/null
cp odd/grows odd/shrinks
cp odd/grows odd/changes
(until [ -e stop ]; do
	head -c 65536 /dev/zero >>odd/grows
	[ "$(stat -c %s odd/grows)" -gt 33554432 ] && : >odd/grows
done) &
writers=$!
(until [ -e stop ]; do
	truncate -s 4M odd/shrinks
	truncate -s 100 odd/shrinks
done) &
writers="$writers $!"
(until [ -e stop ]; do
	dd if=/dev/urandom of=odd/changes bs=4k count=4 conv=notrunc 2>/dev/null
done) &
writers="$writers $!"
bound=$((open_deadline_ms + bound_extra_ms + slack_ms))
longest=0
for _ in 1 2 3 4 5; do
	for file in fifo zero disk sparse grows shrinks changes; do
		start=$(now_ms)
		true <>odd/$file || platform_fail "$file: not opened"
		took=$(($(now_ms) - start))
		[ "$took" -gt "$longest" ] && longest=$took
		[ "$took" -le "$bound" ] || platform_fail "$file: the open took $took ms, more than $bound"
	done
	cat odd/marked >/dev/null 2>&1 && platform_fail "what a rule matches was opened"
done
touch stop
wait $writers
echo "the longest open took $longest of $bound ms"
yara_is_well
yara_counts
echo "$yara_told"
counted_is 5 match denied
# about what is neither file nor folder the kernel asks nobody
counted_is 0 special
# whatever else was opened, each question ended as one of these, and no worker was lost
counted_is 0 remote stuck no_descriptor read_error failed crashed by_old_rules answers_refused workers_died left_behind start_errors
[ "$(counted too_large)" -ge 5 ] || platform_fail "of 5 opens of a sparse terabyte yara calls $(counted too_large) too large"
sum=0
for outcome in clean match too_large no_time too_many changing; do
	sum=$((sum + $(counted $outcome)))
done
[ "$(counted questions)" = "$sum" ] || platform_fail "of $(counted questions) questions $sum are told"
[ "$(status engine.agents.yara.questions)" = "$sum" ] || platform_fail "the engine asked $(status engine.agents.yara.questions), yara answered $sum"
