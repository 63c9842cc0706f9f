# SPDX-License-Identifier: Apache-2.0
# claim: files of a network file system (NFS, by the guest's own server), which does not answer for a while: nobody is asked about them or an overlay of them, whatever --remote says, and all else is judged
# limit-s: 240
# modules: nfsd nfsv4
. /vm/cases/pairs.sh
bpf=no
mkdir exported in
exported=$PWD/exported
echo fine >exported/file
for module in $(cat /vm/modules/order); do
	insmod /vm/modules/"$module" 2>/dev/null || grep -q "^$module " /proc/modules || fail "the module $module cannot be loaded"
done
cd in || fail "no folder" # and the server works outside of what is guarded
mkdir remote upper work over
ifconfig lo 127.0.0.1 up
mount -t nfsd nfsd /proc/fs/nfsd || fail "there is no NFS server"
# what exportfs and mountd would tell the kernel: who 127.0.0.1 is, and that the root of all is exported to him
for_ever=2147483647
echo "nfsd 127.0.0.1 $for_ever guest" >/proc/net/rpc/auth.unix.ip/channel
echo "guest 1 \\x00000000 $for_ever $exported" >/proc/net/rpc/nfsd.fh/channel
echo "guest $exported $for_ever $((0x2403)) 65534 65534 0" >/proc/net/rpc/nfsd.export/channel
echo "-2 -3 +4" >/proc/fs/nfsd/versions
echo 10 >/proc/fs/nfsd/nfsv4gracetime
echo "tcp 2049" >/proc/fs/nfsd/portlist || fail "the server cannot listen"
echo 2 >/proc/fs/nfsd/threads || fail "the server does not start"
echo Y >/proc/fs/nfsd/v4_end_grace 2>/dev/null # a kernel that keeps no record of clients has none
mount -t nfs4 -o vers=4.2,addr=127.0.0.1,clientaddr=127.0.0.1,hard 127.0.0.1:/ remote || fail "nothing can be mounted: $(dmesg | tail -n 5)"
cat remote/file >/dev/null || fail "the server does not answer"
mount -t overlay -o "lowerdir=$PWD/remote,upperdir=$PWD/upper,workdir=$PWD/work" overlay over || fail "no overlay can be mounted"

# round VERDICT: with --remote as that.
round() {
	local verdict=$1 asked readers
	agents=
	agent_names=
	add_yara --remote "$verdict"
	readable
	platform "$PWD"
	yara_counts
	asked=$(counted questions)
	cat remote/file over/file >/dev/null || platform_fail "what is served cannot be read"
	yara_counts
	counted_is "$asked" questions
	echo 3 >/proc/sys/vm/drop_caches # the client reads without its server what it has
	ifconfig lo down
	cat remote/file >/dev/null &
	readers=$!
	cat over/file >/dev/null &
	readers="$readers $!"
	for i in 1 2 3; do
		echo "good $i" >good
		cat good >/dev/null || platform_fail "what has nothing to do with it cannot be opened"
		cat marked >/dev/null 2>&1 && platform_fail "what a rule matches was opened meanwhile"
	done
	kill -0 ${readers% *} || platform_fail "the server answers"
	yara_counts
	echo "$yara_told"
	counted_is 3 match denied
	counted_is 0 remote no_time stuck workers_ended left_behind
	yara_is_well
	ifconfig lo up
	wait $readers || platform_fail "what is served cannot be read"
	kill "$parent_pid"
	wait "$parent_pid" || fail "ringsided ended with $?"
	wait_until 10 nothing_left || fail "processes of Ringside are left behind"
}

round deny
round allow
