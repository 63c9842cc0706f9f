# SPDX-License-Identifier: Apache-2.0
# claim: a case that locks up the whole root is a failure with a name, and the guest goes on with the next case
# limit-s: 4
# must-fail: no result within 4 s
. /vm/cases/lib.sh
vm_answerer / hang >/run/answerer 2>&1 &
sleep 1
cat /etc/passwd
