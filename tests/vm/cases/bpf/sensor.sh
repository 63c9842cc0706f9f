# SPDX-License-Identifier: Apache-2.0
# claim: the BPF sensor's losses add up, and it works without privilege, on this kernel
# limit-s: 600
. /vm/cases/lib.sh
/vm/kernel/bpf_sensor_test || fail "bpf_sensor_test, see above"
