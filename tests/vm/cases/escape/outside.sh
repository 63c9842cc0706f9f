# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: the same attempts succeed for root in no jail, but for those that say why not
. /vm/cases/escape.sh
escape_world
mkdir folder
ringside_run=$PWD
/vm/helpers/escape outside $(escape_arguments $$ "$PWD/folder") >>outside.log || fail "it ended with $?"
n=$(grep -ac ' SUCCEEDED ' outside.log)
echo "$n succeed: $(tail -n 1 outside.log)"
[ "$n" -ge 110 ] || fail "only $n succeed; not: $(grep -av ' SUCCEEDED ' outside.log | tr '\n' ';')"
