#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The public headers as a vendor's compiler sees them: C99 and C11 without extensions, C++, each alone; and no hole in
# any struct that crosses a boundary.
#
#     headers_test.sh SOURCE_INCLUDE BUILD_INCLUDE
set -eu
include="-I$1 -I$2"
warnings="-Wall -Wextra -Werror -pedantic -fsyntax-only"
compile() { # compile COMPILER FLAGS… < source
	"$@" $include $warnings - || {
		echo "failed: $*"
		exit 1
	}
}
for header in event.h events.h ringside.h; do
	for standard in c99 c11 gnu17; do
		echo "#include <ringside/$header>" | compile cc -x c -std=$standard
	done
	for standard in c++11 c++17; do
		echo "#include <ringside/$header>" | compile c++ -x c++ -std=$standard
	done
done
echo "#include <ringside/events.h>" | compile cc -x c -std=c11 -Wpadded
# the flag finds holes at all
if echo 'struct hole { char c; long l; };' | cc -x c -Wpadded $warnings - 2>/dev/null; then
	echo "this compiler's -Wpadded finds nothing"
	exit 1
fi
