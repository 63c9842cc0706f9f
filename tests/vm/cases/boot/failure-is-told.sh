# SPDX-License-Identifier: Apache-2.0
# claim: a case that fails is reported with its reason
# must-fail: the reason of this case
. /vm/cases/lib.sh
fail "the reason of this case"
