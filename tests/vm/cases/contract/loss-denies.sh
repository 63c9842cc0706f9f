# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: with hold and deny, nothing is opened while the engine is away, and it comes back
. /vm/cases/platform.sh
verdict_keys="  on_engine_loss: {open: deny, exec: allow}"
agent yes allow
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/file
platform "$PWD/fs"
cat fs/file >/dev/null || platform_fail "the engine lets nothing through"
# The engine is killed and at once asked for: the keeper answers deny until the next engine is ready.
denied=0
kill -9 "$(engine_pid)"
for _ in 1 2 3 4 5; do
	[ "$(observed cat fs/file)" = caught ] && denied=$((denied + 1))
done
generation_must_be 2
wait_until 10 cat fs/file || platform_fail "opens are still denied by generation 2"
[ "$denied" -gt 0 ] || [ "$(status parent.keeper.unguarded_denied)" -gt 0 ] || platform_fail "nothing was denied"
