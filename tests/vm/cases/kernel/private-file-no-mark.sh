# SPDX-License-Identifier: Apache-2.0
# claim: an unprivileged listener gets no ignore mark on a file it may not read
# limit-s: 20
exec vm_fanotify private-file-no-mark
