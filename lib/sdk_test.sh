#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The SDK as a vendor gets it: what is exported is what the header declares and what has a manual page; the README's
# agent is agents/minimal.c and builds against an installed copy with nothing but what pkg-config says.
#
#     sdk_test.sh SOURCE BUILD
set -eu
source=$1
build=$2
header=$source/include/ringside/ringside.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
	echo "$1"
	failed=1
}

same() { # same WHAT FILE FILE
	diff -u "$work/$2" "$work/$3" || complain "above: $1"
}

DESTDIR=$work/stage meson install -C "$build" --no-rebuild --quiet --tags devel,runtime,man
library=$(find "$work/stage" -name libringside.so.1)
[ -n "$library" ] || { complain "no libringside.so.1 was installed"; exit 1; }

# names: header, version map, library, manual pages
grep -A1 '^RS_API' "$header" | tr '\n' ' ' | grep -o 'rs_[a-z0-9_]*(' | tr -d '(' | sort -u >"$work/declared"
[ "$(grep -c '^RS_API' "$header")" -eq "$(wc -l <"$work/declared")" ] || complain "not every RS_API line was understood"
grep -o 'rs_[a-z0-9_]*' "$source/lib/libringside.map" | sort >"$work/mapped"
nm -D --defined-only "$library" | sed -n 's/.* T \(.*\)@@RINGSIDE_1$/\1/p' | sort >"$work/exported"
same "declared in the header and in the version map" declared mapped
same "declared in the header and exported" declared exported
[ "$(nm -D --defined-only "$library" | grep -c ' [TDBRVW] ')" -eq "$(wc -l <"$work/declared")" ] ||
	complain "the library exports more than the calls of the header"
readelf -d "$library" | grep -q 'soname: \[libringside.so.1\]' || complain "the soname is not libringside.so.1"

for name in $(cat "$work/declared"); do
	page=$(find "$work/stage" -name "$name.3*")
	[ -n "$page" ] || { complain "no manual page for $name"; continue; }
	link=$(sed -n 's/^\.so man3\///p' "$page")
	[ -z "$link" ] || page=$(find "$work/stage" -name "$link")
	grep -q "^\.Nm $name\b" "$page" || complain "$page does not name $name"
	grep -q "^\.F[no] \"*$name\b" "$page" || complain "$page does not show how $name is called"
done
mandoc -T lint -W warning "$source"/docs/man/*.3 || complain "above: warnings of mandoc"

# the README's agent
sed -n '/^```c$/,/^```$/p' "$source/lib/README.md" | sed '1d;$d' >"$work/readme.c"
cp "$source/agents/minimal.c" "$work/minimal.c"
same "the agent in README.md and agents/minimal.c" readme.c minimal.c
[ "$(wc -l <"$work/minimal.c")" -le 60 ] || complain "the smallest agent has more than 60 lines"
pc=$(dirname "$(find "$work/stage" -name ringside.pc)")
flags=$(PKG_CONFIG_PATH=$pc PKG_CONFIG_SYSROOT_DIR=$work/stage pkg-config --cflags --libs ringside)
# shellcheck disable=SC2086  # flags are words
cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/minimal.c" -o "$work/minimal" $flags || complain "it does not build"
if (unset RINGSIDE_FD && LD_LIBRARY_PATH=$(dirname "$library") "$work/minimal" 2>"$work/errors"); then
	complain "it ran without a platform"
fi
grep -q 'cannot reach the platform' "$work/errors" || complain "it does not say why it cannot run"
exit $failed
