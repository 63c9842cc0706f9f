# SPDX-License-Identifier: Apache-2.0
# claim: a process that waits for an answer can be killed
# limit-s: 20
exec vm_fanotify killable
