# SPDX-License-Identifier: Apache-2.0
# claim: after a locked-up case every file opens again
. /vm/cases/lib.sh
cat /etc/passwd >/dev/null || fail "cannot read a file of the root"
touch new && cat new || fail "cannot make a file on the root"
