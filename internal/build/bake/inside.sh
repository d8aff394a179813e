# Runs in a mount and process namespace of its own, in the directory of the bake. Installs packages
# into an overlay of layers, from outside: apt is the host's.
# Given: lower, upper and work of the overlay, root where it is mounted, lists and cache for apt,
# packages, and setup, a script that runs inside.
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work,redirect_dir=off,metacopy=off" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount --bind "$lists" "$root/var/lib/apt/lists"
mount --bind "$cache" "$root/var/cache/apt"
# apt hands files to dpkg in a temporary directory, by its name: this one has the same name inside.
mount -t tmpfs tmpfs "$root/dev/shm"
mount --bind "$root/dev/shm" /dev/shm
export TMPDIR=/dev/shm
inside() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 $environment chroot "$root" sh -eu -c "$1"; }

case $do in
update)
	apt-get -q update
	;;
install)
	# No package may start what it brings.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	mkdir -p "$root/usr/share/man/man1" # packages link into it, though no manual is unpacked
	[ -z "$packages" ] || apt-get -q -y install $packages
	rm "$root/usr/sbin/policy-rc.d"
	[ -z "$setup" ] || inside "$setup"
	# What tells of this machine or this moment.
	find "$root/var/log" -type f -delete
	rm -rf "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/etc/*- \
		"$root/var/cache/ldconfig/aux-cache" "$root/root/.cache" "$root/root/.wget-hsts" \
		"$root/etc/machine-id" "$root/var/lib/dbus/machine-id"
	;;
run)
	inside "$setup"
	;;
esac
