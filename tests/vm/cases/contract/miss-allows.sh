# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: a missed deadline allows after the deadline and not before
. /vm/cases/platform.sh
open_deadline_ms=2000
agent stuck hang open
mkdir fs
mount -t tmpfs tmpfs fs
platform "$PWD/fs"
echo fine >fs/file
start=$(now_ms)
cat fs/file >/dev/null || platform_fail "a missed deadline denied"
took=$(($(now_ms) - start))
echo "took $took ms"
[ "$took" -ge 1900 ] || platform_fail "the open went on after $took ms, before its deadline"
[ "$(status engine.agents.stuck.misses)" -gt 0 ] || platform_fail "the miss was not counted"
