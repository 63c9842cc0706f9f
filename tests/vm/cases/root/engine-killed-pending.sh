# SPDX-License-Identifier: Apache-2.0
# claim: the engine is killed at ten moments of a question that an agent keeps open: the operation goes on
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 1000"
agent stuck hang open
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/file
slack_measure
platform "$PWD/fs"
bound=$((open_deadline_ms + bound_extra_ms + slack_ms))
next=2
for ms in 0 1 2 5 10 20 50 200 700 990; do
	engine=$(engine_pid)
	start=$(now_ms)
	(cat fs/file >/dev/null) &
	reader=$!
	usleep $((ms * 1000))
	kill -9 "$engine"
	wait "$reader" || platform_fail "the open failed when the engine was killed after $ms ms"
	took=$(($(now_ms) - start))
	echo "engine killed about $ms ms after the open: it took $took of at most $bound ms"
	[ "$took" -le "$bound" ] || platform_fail "the open took $took ms, more than $bound"
	generation_must_be "$next"
	next=$((next + 1))
done
