# SPDX-License-Identifier: Apache-2.0
# claim: no lease for a file that the asking process opens for writing
# limit-s: 20
exec vm_fanotify lease-asking-writer
