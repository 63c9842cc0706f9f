# SPDX-License-Identifier: Apache-2.0
# limit-s: 120
# claim: an allow that may be cached is asked once; a write makes it be asked again
. /vm/cases/platform.sh
agent yes cache
mkdir fs
mount -t tmpfs tmpfs fs
echo fine >fs/file
platform "$PWD/fs"
touch -d '2020-01-01 00:00' fs/file # one written a moment ago is not cached
asked() { status engine.questions.asked; }
# An engine whose agents never asked for caching offers it now and then only.
for _ in 1 2 3 4 5 6 7 8 9 10; do cat fs/file >/dev/null; done
before=$(asked)
for _ in 1 2 3 4 5; do cat fs/file >/dev/null; done
[ "$(asked)" = "$before" ] || platform_fail "a cached file was asked about: $before, now $(asked)"
echo more >>fs/file
cat fs/file >/dev/null
[ "$(asked)" -ge $((before + 1)) ] || platform_fail "the write did not end the cached allow: $before, now $(asked)"
