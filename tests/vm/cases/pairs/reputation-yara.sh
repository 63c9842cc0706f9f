# SPDX-License-Identifier: Apache-2.0
# claim: reputation and yara on the whole root under load: each does its work, neither changes the other's, the counters add up
# limit-s: 240
# pair: reputation yara
. /vm/cases/pairs.sh
pair reputation yara
