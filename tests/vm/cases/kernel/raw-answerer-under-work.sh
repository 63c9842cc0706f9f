# SPDX-License-Identifier: Apache-2.0
# claim: with a trivial answerer on the whole root, unpacking and compiling go on and no operation waits
# limit-s: 90
. /vm/cases/platform.sh
work_start
slack_measure
answerer allow
probe_start 5
probe_check
work_goes_on
