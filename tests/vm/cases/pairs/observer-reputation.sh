# SPDX-License-Identifier: Apache-2.0
# claim: observer and reputation on the whole root under load: each does its work, neither changes the other's, the counters add up
# limit-s: 240
# pair: observer reputation
. /vm/cases/pairs.sh
pair observer reputation
