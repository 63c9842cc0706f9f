# SPDX-License-Identifier: Apache-2.0
# claim: no lease while another process has the file open for writing
# limit-s: 20
exec vm_fanotify lease-other-writer
