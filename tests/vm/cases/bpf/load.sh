# SPDX-License-Identifier: Apache-2.0
# claim: the verifier of this kernel takes every program of every BPF object
# limit-s: 60
. /vm/cases/lib.sh
[ "$(echo /vm/bpf/*.o)" != "/vm/bpf/*.o" ] || fail "no BPF object was built"
for object in /vm/bpf/*.o; do
	vm_bpf_load "$object" || exit 1
done
