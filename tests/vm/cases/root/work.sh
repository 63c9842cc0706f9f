# SPDX-License-Identifier: Apache-2.0
# claim: the whole root is guarded by two agents, packages unpack and a compiler runs, nothing waits
# limit-s: 180
. /vm/cases/platform.sh
bpf=yes
agent first allow
agent second cache
work_start
slack_measure
platform /
probe_start 4
work_goes_on
probe_check
generation_must_be 1
[ "$(status engine.questions.missed)" = 0 ] || platform_fail "questions missed their deadline: $(status engine.questions)"
