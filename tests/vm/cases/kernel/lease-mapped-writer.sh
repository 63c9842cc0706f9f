# SPDX-License-Identifier: Apache-2.0
# claim: no lease while the file is mapped shared and writable, though its descriptor is closed
# limit-s: 20
exec vm_fanotify lease-mapped-writer
