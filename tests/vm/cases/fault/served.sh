# SPDX-License-Identifier: Apache-2.0
# claim: files that come from a server (FUSE), which hangs for a while: on its own file system nobody is asked about them, whatever --remote says; in a disk image that it serves they are scanned while it answers, and while it hangs each question is answered in time as --on-timeout says, all else is judged, and nobody is blamed
# limit-s: 300
. /vm/cases/pairs.sh
bpf=no
mkdir image served disk
dd if=/dev/zero of=image.ext2 bs=1M count=8 2>/dev/null
mke2fs -F image.ext2 >/dev/null || fail "no file system is made"
mount -t ext4 -o loop image.ext2 image || fail "the image cannot be mounted"
printf RINGSIDE-HARMLESS- >image/marked
printf TEST-MALWARE >>image/marked
for name in plain late; do
	for verdict in allow deny; do
		dd if=/dev/zero of=image/$name-$verdict bs=64k count=4 2>/dev/null
	done
done
umount image
vm_fuse image.ext2 served &
server=$!
wait_until 5 [ -e served/file ] || fail "nothing is served"
mount -t ext4 -o loop,ro served/file disk || fail "what is served cannot be mounted"
slack_measure
bound=$((open_deadline_ms + bound_extra_ms + slack_ms))

answers() {
	true <"$1" # not `:`, whose failed redirection would end the shell
} 2>/dev/null

# while_it_hangs VERDICT: the server hangs; what is on it, and what is not.
while_it_hangs() {
	local verdict=$1 start took opened=allow
	kill -STOP "$server"
	cat served/file >/dev/null &
	reader=$!
	start=$(now_ms)
	(answers disk/late-"$verdict" && echo allow >late || echo deny >late
	now_ms >late.end) &
	late=$!
	echo "good $verdict" >good
	cat good >/dev/null || platform_fail "what has nothing to do with it cannot be opened"
	cat marked >/dev/null 2>&1 && platform_fail "what a rule matches was opened meanwhile"
	wait $late
	took=$(($(cat late.end) - start))
	echo "while the server hangs an open took $took ms, at most $bound: $(cat late)"
	[ "$took" -le "$bound" ] || platform_fail "the open took $took ms, more than $bound"
	[ "$(cat late)" = "$verdict" ] || platform_fail "expected $verdict, found $(cat late)"
	kill -0 "$reader" || platform_fail "the server does not hang"
	yara_is_well
	kill -CONT "$server"
	wait "$reader" || platform_fail "what is served cannot be read"
}

# round VERDICT: with --remote and --on-timeout as that.
round() {
	local verdict=$1 asked
	agents=
	agent_names=
	add_yara --remote "$verdict" --on-timeout "$verdict"
	readable
	platform "$PWD"
	yara_counts
	asked=$(counted questions)
	cat served/file >/dev/null || platform_fail "what is served cannot be read"
	yara_counts
	counted_is "$asked" questions
	# by way of an image it is a file like others
	cat disk/marked >/dev/null 2>&1 && platform_fail "what a rule matches was opened on the image"
	cat disk/plain-"$verdict" >/dev/null || platform_fail "what is good was not opened on the image"
	yara_counts
	counted_is 1 match denied
	counted_is 0 remote no_time
	# names and nodes are known, bytes are not
	ls -l disk served >/dev/null
	echo 1 >/proc/sys/vm/drop_caches
	while_it_hangs "$verdict"
	yara_counts
	counted_is 1 no_time workers_ended
	counted_is 0 remote stuck read_error failed crashed workers_died
	echo "$(counted left_behind) of the workers that were ended did not end while the server hung"
	clean=$(counted clean)
	# the device of one that did not is left alone for a minute, which is told by --on-timeout as well
	wait_until 90 answers disk/late-"$verdict" || platform_fail "what is good was not opened when the server answered again"
	yara_counts
	echo "$yara_told"
	[ "$verdict" = allow ] || [ "$(counted clean)" -gt "$clean" ] || platform_fail "what was opened in the end was not scanned"
	counted_is 1 no_time workers_ended
	yara_is_well
	kill "$parent_pid"
	wait "$parent_pid" || fail "ringsided ended with $?"
	wait_until 10 nothing_left || fail "processes of Ringside are left behind"
	rm -f good late late.end
}

round deny
round allow
