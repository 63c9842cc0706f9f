# SPDX-License-Identifier: Apache-2.0
# claim: an ignore mark on the inode stops questions until a write
# limit-s: 20
exec vm_fanotify ignore-mark
