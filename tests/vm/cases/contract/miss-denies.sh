# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: where the operator chose deny for a miss, a missed deadline denies
. /vm/cases/platform.sh
agent_keys=", on_miss: {auth_open: deny}"
verdict_keys="  strikes: 1000"
agent stuck hang open
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/file
platform "$PWD/fs"
# An engine that gets no processor at its deadline is answered for by the keeper, by on_engine_loss: on a busy machine
# that may happen now and then, but not each time.
for _ in 1 2 3 4 5; do
	[ "$(observed cat fs/file)" = caught ] && exit 0
done
platform_fail "five missed deadlines allowed"
