# SPDX-License-Identifier: Apache-2.0
# claim: without CAP_LEASE a file of another user cannot be leased
# limit-s: 20
exec vm_fanotify lease-no-capability
