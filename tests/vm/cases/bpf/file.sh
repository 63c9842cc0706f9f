# SPDX-License-Identifier: Apache-2.0
# claim: operations on names and attributes of files make their events on this kernel, with the right fields
# limit-s: 300
. /vm/cases/lib.sh
/vm/kernel/bpf_file_test || fail "bpf_file_test, see above"
