# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: where the operator chose deny for a miss, a missed deadline denies
. /vm/cases/platform.sh
agent_keys=", on_miss: {auth_open: deny}"
agent stuck hang open
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/file
platform "$PWD/fs"
[ "$(observed cat fs/file)" = caught ] || platform_fail "a missed deadline allowed"
