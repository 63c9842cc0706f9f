# SPDX-License-Identifier: Apache-2.0
# claim: a file that nobody writes can be leased through the event's descriptor
# limit-s: 20
exec vm_fanotify lease-reader
