# SPDX-License-Identifier: Apache-2.0
# claim: the verifier of this kernel takes every program of every BPF object
# limit-s: 60
. /vm/cases/lib.sh
[ "$(echo /vm/bpf/*.o)" != "/vm/bpf/*.o" ] || fail "no BPF object was built"
for object in /vm/bpf/*.o; do
	name=$(basename "$object" .o | tr . _)
	mkdir "/sys/fs/bpf/$name"
	bpftool prog loadall "$object" "/sys/fs/bpf/$name/programs" >loaded 2>&1 || {
		tail -n 60 loaded
		fail "$object: $(grep -m 1 -E "failed|rror" loaded)"
	}
	echo "$object: $(ls "/sys/fs/bpf/$name/programs" | wc -l) programs"
done
