# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: a crash with a question pending counts as a miss at once, without waiting for the deadline
. /vm/cases/platform.sh
open_deadline_ms=20000
agent stuck hang open
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/file
platform "$PWD/fs"
pid=$(status cage.agents.stuck.pid)
start=$(now_ms)
(cat fs/file >/dev/null) &
reader=$!
sleep 1
kill -9 "$pid"
wait "$reader" || platform_fail "the open was denied"
took=$(($(now_ms) - start))
echo "took $took ms"
[ "$took" -lt 10000 ] || platform_fail "the open waited $took ms of a deadline of 20000"
