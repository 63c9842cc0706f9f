# SPDX-License-Identifier: Apache-2.0
# claim: closing the last descriptor of the group allows what is pending
# limit-s: 20
exec vm_fanotify close-lets-go
