# SPDX-License-Identifier: Apache-2.0
# claim: a duplicate of the group's descriptor keeps an open waiting and can answer it
# limit-s: 20
exec vm_fanotify duplicate-holds
