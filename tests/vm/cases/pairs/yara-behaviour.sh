# SPDX-License-Identifier: Apache-2.0
# claim: yara and behaviour on the whole root under load: each does its work, neither changes the other's, the counters add up
# limit-s: 240
# pair: yara behaviour
. /vm/cases/pairs.sh
pair yara behaviour
