# SPDX-License-Identifier: Apache-2.0
# claim: the engine is killed at twelve moments of a question that an agent keeps open: the operation goes on
# limit-s: 180
. /vm/cases/platform.sh
# The agent answers execs only, so every open of the probe is pending when the engine goes.
agent stuck hang open
work_start
slack_measure
platform /
next=2
for ms in 0 1 2 5 10 20 40 80 120 160 200 240; do
	echo ms >file
	start=$(now_ms)
	(cat file >/dev/null) &
	reader=$!
	usleep $((ms * 1000))
	kill -9 "$(engine_pid)"
	wait "$reader" || fail "the open failed when the engine was killed after $ms ms"
	took=$(($(now_ms) - start))
	echo "engine killed about $ms ms after the open: $took ms"
	generation_must_be "$next"
	next=$((next + 1))
done
probe_start 5
probe_check
work_goes_on
