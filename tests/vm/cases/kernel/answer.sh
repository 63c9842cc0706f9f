# SPDX-License-Identifier: Apache-2.0
# claim: an open waits until it is answered, a deny is EPERM
# limit-s: 20
exec vm_fanotify answer
