# SPDX-License-Identifier: Apache-2.0
# claim: the guest unpacks a package and compiles a program
. /vm/cases/lib.sh
dpkg-deb -x /vm/packages/sample.deb out || fail "dpkg-deb ended with $?"
[ "$(find out -type f | wc -l)" -gt 20 ] || fail "the package has too few files"
printf '#include <stdio.h>\nint main(void) { puts("built here"); return 0; }\n' >a.c
tcc -o a a.c || fail "tcc ended with $?"
[ "$(./a)" = "built here" ] || fail "the built program does not run"
