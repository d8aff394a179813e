#!/bin/sh
# Builds that come from App Runner call yum, because its images are Amazon Linux. This image is Debian:
# here "yum install" installs the packages that Debian has for those of Amazon Linux, with apt-get, and
# says which. What it cannot do it refuses.
set -eu
me=$(basename "$0")
say() { echo "$me: $*" >&2; }

debian() { # debian PACKAGE: the name in Debian
	case $1 in
	gcc-c++) echo g++ ;;
	python3-devel | python3[0-9]*-devel) echo python3-dev ;;
	python3 | python3[0-9]* | python3.[0-9]*) echo python3 ;;
	postgresql-devel | postgresql[0-9]*-devel | libpq-devel) echo libpq-dev ;;
	postgresql | postgresql[0-9]*) echo postgresql-client ;;
	mysql-devel | mariadb-devel | mariadb*-devel | mariadb-connector-c-devel) echo default-libmysqlclient-dev ;;
	mysql | mariadb | mariadb[0-9]*) echo default-mysql-client ;;
	openssl-devel | openssl11-devel) echo libssl-dev ;;
	zlib-devel) echo zlib1g-dev ;;
	libxslt-devel) echo libxslt1-dev ;;
	libjpeg-devel | libjpeg-turbo-devel) echo libjpeg-dev ;;
	freetype-devel) echo libfreetype-dev ;;
	bzip2-devel) echo libbz2-dev ;;
	xz-devel) echo liblzma-dev ;;
	sqlite) echo sqlite3 ;;
	sqlite-devel) echo libsqlite3-dev ;;
	libcurl-devel) echo libcurl4-openssl-dev ;;
	cairo-devel) echo libcairo2-dev ;;
	pango-devel) echo libpango1.0-dev ;;
	giflib-devel) echo libgif-dev ;;
	librsvg2-devel) echo librsvg2-dev ;;
	openldap-devel) echo libldap-dev ;;
	glibc-devel) echo libc6-dev ;;
	httpd) echo apache2 ;;
	ImageMagick) echo imagemagick ;;
	mesa-libGL) echo libgl1 ;;
	procps-ng) echo procps ;;
	shadow-utils) echo passwd ;;
	which) echo debianutils ;;
	vim-enhanced) echo vim ;;
	lib*-devel) echo "${1%-devel}-dev" ;;
	*-devel) echo "lib${1%-devel}-dev" ;;
	*) echo "$1" ;;
	esac
}

command=
packages=
group=
for word; do
	case $word in
	-*) ;;
	"Development Tools" | "development tools") packages="$packages gcc g++ make patch pkg-config" group=yes ;;
	*)
		if [ -z "$command" ]; then
			command=$word
		else
			name=$(debian "$word")
			[ "$name" = "$word" ] || say "$word of Amazon Linux is $name of Debian"
			packages="$packages $name"
		fi
		;;
	esac
done

export DEBIAN_FRONTEND=noninteractive
case $command in
install | groupinstall | reinstall)
	[ -n "$packages" ] || { say "no package to install"; exit 1; }
	[ "$command" != groupinstall ] || [ -n "$group" ] || { say "this image is Debian, and of the groups of packages only \"Development Tools\" is known. Install packages by name with apt-get"; exit 1; }
	say "this image is Debian: apt-get install -y$packages"
	apt-get update -qq
	# shellcheck disable=SC2086 # names of packages have no spaces
	exec apt-get install -y --no-install-recommends $packages
	;;
update | upgrade | makecache | clean | check-update)
	say "nothing to do: this image is Debian, and is made anew instead of updated"
	;;
remove | erase)
	# shellcheck disable=SC2086
	exec apt-get remove -y $packages
	;;
*)
	say "this image is Debian, and of yum it knows only install, update, clean and remove. Use apt-get instead of: $me $*"
	exit 1
	;;
esac
