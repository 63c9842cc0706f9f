# SPDX-License-Identifier: Apache-2.0
# claim: the parent is killed while an agent keeps a question open: the operation goes on
# limit-s: 180
. /vm/cases/platform.sh
verdict_keys="  strikes: 1000"
open_deadline_ms=20000
agent stuck hang open
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/file
platform "$PWD/fs"
start=$(now_ms)
(cat fs/file >/dev/null) &
reader=$!
sleep 1
kill -9 "$parent_pid"
wait "$reader" || fail "the open was denied"
took=$(($(now_ms) - start))
echo "took $took ms"
[ "$took" -lt 10000 ] || fail "the open waited $took ms, as if somebody still held the group"
wait_until 10 nothing_left || fail "processes of Ringside are left behind: $(ps | grep -E 'ringside|vm_agent')"
