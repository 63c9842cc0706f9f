# SPDX-License-Identifier: Apache-2.0
# claim: operations on processes, memory and the kernel make their events on this kernel, with the right fields
# limit-s: 300
. /vm/cases/platform.sh
cgroups # one of its tests is a process in a container
/vm/kernel/bpf_process_test || fail "bpf_process_test, see above"
