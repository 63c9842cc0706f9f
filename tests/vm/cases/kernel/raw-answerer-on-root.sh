# SPDX-License-Identifier: Apache-2.0
# claim: fanotify asks about the whole root, a trivial answerer keeps the machine going
. /vm/cases/lib.sh
answerer marker
dpkg-deb -x /vm/packages/sample.deb out || fail "dpkg-deb ended with $?"
printf 'fine' >good
printf 'RINGSIDE-NO-OPEN' >bad
cat good >/dev/null || fail "a file without the marker was denied"
cat bad >/dev/null 2>&1 && fail "a file with the marker was opened"
kill "$answerer_pid"
wait_until 5 cat bad || fail "the kernel did not let go after the last descriptor was closed"
