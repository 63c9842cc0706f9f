#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# First program of the guest: loads the modules that the root disk needs and gives over to vm_init on it.
bb=/bin/busybox
for module in $($bb cat /modules/order); do
	$bb insmod "/modules/$module" || $bb echo "# insmod $module failed"
done
$bb mount -t devtmpfs devtmpfs /dev
$bb mount -t ext4 /dev/vda /root || $bb echo "# no root disk"
$bb cp -r /plan/. /root/vm/
$bb umount /dev
exec $bb switch_root /root /vm/helpers/vm_init
