# SPDX-License-Identifier: Apache-2.0
# claim: an unprivileged listener with CAP_LEASE alone leases and marks a file of another user
# limit-s: 20
exec vm_fanotify lease-capability
