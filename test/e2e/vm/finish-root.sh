#!/bin/sh
# finish-root.sh ROOT FOLDER: makes ROOT boot into the drill and nothing else, and puts it
# into FOLDER as root.img with vmlinuz and initrd.
set -eu
root=$1
folder=$2

# Only the drill starts what it needs.
for unit in \
  redis-server.service nginx.service dnsmasq.service postgresql.service mariadb.service \
  serial-getty@ttyS0.service serial-getty@ttyS1.service getty@tty1.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer systemd-timesyncd.service systemd-pstore.service systemd-random-seed.service \
  systemd-update-utmp.service systemd-logind.service
do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

cat >"$root/etc/systemd/system/drill.service" <<'END'
[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
ExecStart=/bin/mount -o ro /dev/vdb /mnt
ExecStart=/mnt/bun /mnt/drill.js
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS1
TimeoutStartSec=infinity

[Install]
WantedBy=default.target
END
mkdir -p "$root/etc/systemd/system/default.target.wants"
ln -sf ../drill.service "$root/etc/systemd/system/default.target.wants/drill.service"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../drill.service "$root/etc/systemd/system/multi-user.target.wants/drill.service"

echo drill >"$root/etc/hostname"
printf '127.0.0.1 localhost drill\n::1 localhost\n' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
: >"$root/etc/fstab"
echo uninitialized >"$root/etc/machine-id"
# Every line of it is looked at.
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/drill.conf"

# An initrd with the disk's driver alone is unpacked in no time.
printf 'MODULES=list\nCOMPRESS=zstd\n' >"$root/etc/initramfs-tools/conf.d/drill"
printf 'virtio_pci\nvirtio_blk\next4\ncrc32c_generic\n' >"$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u -k all
cp "$root"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$root"/boot/initrd.img-* "$folder/initrd"
chmod 644 "$folder/vmlinuz" "$folder/initrd"

rm -rf "$root"/boot/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
# Of PostgreSQL's just-in-time compiler, which is switched off.
rm -f "$root"/usr/lib/*/libLLVM*
for modules in "$root"/usr/lib/modules/*/kernel; do
  rm -rf "$modules/sound" "$modules/drivers/gpu" "$modules/drivers/net" "$modules/drivers/infiniband" "$modules/drivers/scsi"
done

# What is mounted in ROOT (/proc, /dev) does not belong on the disk: a second mount of ROOT is without it.
bare=$(mktemp -d)
mount --bind "$root" "$bare"
mke2fs -q -t ext4 -O ^has_journal -m 0 -L drill -d "$bare" "$folder/root.img" 2G
umount "$bare"
rmdir "$bare"
