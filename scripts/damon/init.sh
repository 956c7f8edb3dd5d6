#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# First process of the guest.  The host's root, read-only under an overlay,
# becomes ours; then /ctl/run is run.  /ctl is how scripts/damon/guest and
# this file talk: run, cwd and tty come in, out and status go back.
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /host /rw /ctl /root

p9() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,$3" "$1" "$2"; }

mount_root() {
	p9 host /host ro,cache=loose
	mount -t tmpfs -o size=75% rw /rw
	mkdir /rw/upper /rw/work
	mount -t overlay -o lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work \
		root /root
}

# A tmpfs would hide a working directory below it.
scratch() {
	case $cwd/ in
	"$1"/*) ;;
	*) mount -t tmpfs -o mode="$2" tmp /root"$1" ;;
	esac
}

mount_system() {
	mount -t proc none /root/proc
	mount -t sysfs sys /root/sys
	mount -t devtmpfs dev /root/dev
	ln -s /proc/self/fd /root/dev/fd
	for i in 0:stdin 1:stdout 2:stderr; do
		ln -s "/proc/self/fd/${i%:*}" "/root/dev/${i#*:}"
	done
	mkdir -p /root/dev/pts /root/dev/shm
	mount -t devpts pts /root/dev/pts
	mount -t tmpfs shm /root/dev/shm
	mount -t debugfs debug /root/sys/kernel/debug
	mount -t tracefs trace /root/sys/kernel/tracing
	mount -t cgroup2 cgroup /root/sys/fs/cgroup
	for c in memory cpu pids; do
		echo "+$c" > /root/sys/fs/cgroup/cgroup.subtree_control
	done
	scratch /tmp 1777
	scratch /run 755
	mkdir -p /root/run/share
	p9 share /root/run/share cache=none
}

add_swap() {
	echo 512M > /sys/block/zram0/disksize
	mkswap /dev/zram0 && swapon /dev/zram0
}

find_leaks() {
	leaks=/root/sys/kernel/debug/kmemleak
	[ -w "$leaks" ] || return 0
	for i in 1 2; do
		echo scan > "$leaks"
		sleep 6
	done
	cat "$leaks" > /dev/kmsg
}

run() {
	if [ -e /ctl/tty ]; then
		setsid cttyhack chroot /root /bin/sh /run/ctl/run \
			< /dev/hvc0 > /dev/hvc0 2>&1
		echo $? > /ctl/status
	else
		{
			chroot /root /bin/sh /run/ctl/run < /dev/null 2>&1
			echo $? > /ctl/status.new
		} | cat >> /ctl/out
		mv /ctl/status.new /ctl/status
	fi
}

mount -t proc none /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec > /dev/console 2>&1
p9 ctl /ctl cache=none
cwd=$(cat /ctl/cwd)
mount_root
mount_system
mkdir -p /root/run/ctl
mount --bind /ctl /root/run/ctl
add_swap > /dev/null
hostname guest
echo up > /ctl/up
run
find_leaks
sync
reboot -f
