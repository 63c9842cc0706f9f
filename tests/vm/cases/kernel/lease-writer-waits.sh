# SPDX-License-Identifier: Apache-2.0
# claim: an open for writing of a leased file waits and raises a signal that names the descriptor
# limit-s: 20
exec vm_fanotify lease-writer-waits
