# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: every scenario of the contract gives the same on this kernel's clock and memory
. /vm/cases/lib.sh
ulimit -n 65536 # one of them connects a crowd of agents
n=0
for file in /vm/scenarios/*.scn; do
	/vm/scenarios/scenario "$file" || fail "$file ended with $?"
	n=$((n + 1))
done
[ "$n" -gt 0 ] || fail "there are no scenarios"
echo "$n scenarios"
