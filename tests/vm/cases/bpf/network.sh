# SPDX-License-Identifier: Apache-2.0
# claim: operations on sockets make their events on this kernel, with the right fields
# limit-s: 300
. /vm/cases/lib.sh
/vm/kernel/bpf_network_test || fail "bpf_network_test, see above"
