# SPDX-License-Identifier: Apache-2.0
# claim: an exec asks once to execute and once to open
# limit-s: 20
cp /vm/helpers/vm_true program
exec vm_fanotify exec-asks-twice
