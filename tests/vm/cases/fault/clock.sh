# SPDX-License-Identifier: Apache-2.0
# claim: the wall clock jumps by hours, forwards and backwards, while questions are pending: no deadline moves, no bench ends
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 4
  bench: 5 min"
agent good allow
agent stuck hang open
mkdir fs
mount -t tmpfs tmpfs fs
slack_measure
platform "$PWD/fs"
good_pid=$(status cage.agents.good.pid)
stuck_pid=$(status cage.agents.stuck.pid)
bound=$((open_deadline_ms + bound_extra_ms + slack_ms))

jump() {
	date -s "@$(($(date +%s) + $1))" >/dev/null || fail "the clock cannot be set"
}

nobody_restarted() {
	generation_must_be 1
	[ "$(status cage.agents.good.pid)" = "$good_pid" ] || platform_fail "the good agent was started anew"
	[ "$(status cage.agents.stuck.pid)" = "$stuck_pid" ] || platform_fail "the agent that hangs was started anew"
	[ "$(status parent.processes.cage.restarts)" = 0 ] || platform_fail "the cage was started anew"
	agent_is good live || platform_fail "good is $(status engine.agents.good.state)"
}

# the fourth miss is its fourth strike
for by in 7200 -7200 -86400 86400; do
	agent_is stuck live || platform_fail "before its fourth miss it is $(status engine.agents.stuck.state)"
	echo "by $by" >fs/file # made by the redirection: that asks, too, and nobody waits here
	start=$(now_ms)
	cat fs/file >/dev/null &
	reader=$!
	usleep 300000
	jump "$by"
	wait "$reader" || platform_fail "the open failed"
	took=$(($(now_ms) - start))
	echo "clock by $by s: the open took $took ms, at most $bound"
	[ "$took" -le "$bound" ] || platform_fail "the open took $took ms, more than $bound"
	nobody_restarted
	[ "$(status engine.questions.missed)" -gt 0 ] || platform_fail "no deadline was missed"
	[ "$(status engine.agents.stuck.misses)" -ge 4 ] && break
done
wait_until 10 agent_is stuck benched || platform_fail "the agent that hangs is $(status engine.agents.stuck.state)"
for by in 7200 -14400 86400; do
	jump "$by"
	usleep 700000
	agent_is stuck benched || platform_fail "the bench of 5 minutes ended with the clock by $by s"
done
nobody_restarted
