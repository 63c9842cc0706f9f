# SPDX-License-Identifier: Apache-2.0
# claim: a process that holds the group answers by number for a reader that was killed
# limit-s: 20
exec vm_fanotify other-process-answers
