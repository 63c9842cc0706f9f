# SPDX-License-Identifier: Apache-2.0
# claim: the guest runs from an ext4 root with proc, cgroup v2 and BTF
grep -q ' / ext4 ' /proc/self/mounts || { echo "why: the root is not ext4"; exit 1; }
[ -f /sys/fs/cgroup/cgroup.controllers ] || { echo "why: no cgroup v2"; exit 1; }
[ -s /sys/kernel/btf/vmlinux ] || { echo "why: no BTF of the kernel"; exit 1; }
