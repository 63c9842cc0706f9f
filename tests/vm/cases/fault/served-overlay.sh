# SPDX-License-Identifier: Apache-2.0
# claim: an overlay whose lower layer comes from a server (FUSE) that hangs is not asked about: to open its files for an agent would hold up the engine; all else is judged, by the same engine
# limit-s: 180
. /vm/cases/pairs.sh
bpf=no
mkdir served upper work over
echo fine >content
vm_fuse content served &
server=$!
wait_until 5 [ -e served/file ] || fail "nothing is served"
mount -t overlay -o "lowerdir=$PWD/served,upperdir=$PWD/upper,workdir=$PWD/work" overlay over || fail "no overlay can be mounted"
add_yara
readable
platform "$PWD"
yara_counts
asked=$(counted questions)
cat over/file >/dev/null || platform_fail "a file of the overlay cannot be opened"
yara_counts
counted_is "$asked" questions
kill -STOP "$server"
cat over/file >/dev/null &
reader=$!
for i in 1 2 3; do
	echo "good $i" >good
	cat good >/dev/null || platform_fail "what has nothing to do with it cannot be opened"
	cat marked >/dev/null 2>&1 && platform_fail "what a rule matches was opened meanwhile"
done
kill -0 "$reader" || platform_fail "the server does not hang"
yara_counts
counted_is 3 match denied
yara_is_well
kill -CONT "$server"
wait "$reader" || platform_fail "what is served cannot be read"
