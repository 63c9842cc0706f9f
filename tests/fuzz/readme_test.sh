#!/bin/sh
# The table of README.md and the fuzzers that are built are the same, and each has a corpus. usage: readme_test.sh NAME…
set -u
cd "$(dirname "$0")" || exit 1
r=0
told=$(sed -n 's/^| `\([a-z0-9_]*\)` |.*/\1/p' README.md | sort)
built=$(printf '%s\n' "$@" | sort)
if [ "$told" != "$built" ]; then
	printf 'README.md tells of:\n%s\nbuilt are:\n%s\n' "$told" "$built"
	r=1
fi
for name in "$@"; do
	[ -n "$(ls "corpus/$name" 2>/dev/null)" ] || {
		echo "corpus/$name has no input"
		r=1
	}
done
exit $r
