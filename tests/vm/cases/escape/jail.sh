# SPDX-License-Identifier: Apache-2.0
# limit-s: 180
# claim: from inside of its jail, as its user 0 and with its descriptors, an agent reaches nothing that is not its own
. /vm/cases/escape.sh
escape_world
escape_platform
grep -v ' held$' /run/ringside/agents/escape.log | grep -v '^tried' >unexpected
[ -s unexpected ] && fail "not held: $(head -n 5 unexpected | tr '\n' ';')"
n=$(grep -c ' held$' /run/ringside/agents/escape.log)
[ "$n" -ge 140 ] || fail "only $n were held"
echo "$n held; $(tail -n 1 /run/ringside/agents/escape.log); $(status cage.agents.escape.why)"
