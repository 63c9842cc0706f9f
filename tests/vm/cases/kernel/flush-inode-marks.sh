# SPDX-License-Identifier: Apache-2.0
# claim: a flush without a kind takes away inode marks and leaves the file system's mark
# limit-s: 20
exec vm_fanotify flush-inode-marks
