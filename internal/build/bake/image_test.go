package bake_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/pkg/archive"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-run/slipway/test/kit"
)

// Images of Debian 12, which share their lower layers. Each is asked for what builds call.
func TestImages(t *testing.T) {
	baked := kit.Runtimes(t, "python311", "nodejs22", "go1", "corretto17", "ruby31", "php81")
	dir := t.TempDir()
	const inRun, inBuild, inBoth = "run", "build", "run build"
	for _, c := range []struct{ recipe, images, script, want string }{
		{"python311", inBoth, "python --version; python3 --version", `(?s)^Python 3\.11\.\d+\nPython 3\.11`},
		{"python311", inBoth, "pip --version && pip3 --version", `(?s)python 3\.11.*python 3\.11`},
		{"python311", inBoth, "cd /tmp; echo 'from setuptools import setup; setup(name=\"own\")' >setup.py; pip install --no-index --no-build-isolation --root-user-action=ignore . && pip show own", `Name: own`},
		{"python311", inBoth, `python -c 'import sqlite3, ssl, zoneinfo; print(zoneinfo.ZoneInfo("Europe/Berlin"), len(ssl.create_default_context().get_ca_certs()) > 100)'`, `Europe/Berlin True`},
		{"python311", inBoth, "python -m venv /tmp/venv && /tmp/venv/bin/pip --version", `pip \d+`},
		{"python311", inBuild, "gcc --version && make --version && git --version", `(?s)gcc.*GNU Make.*git version`},
		{"python311", inBuild, "printf '#include <Python.h>\n#include <libpq-fe.h>\n' >/tmp/x.c; gcc $(python3-config --includes) -I/usr/include/postgresql -c -o /tmp/x.o /tmp/x.c && echo compiled", `compiled`},
		{"python311", inRun, "command -v gcc git || echo slim", `^slim`},
		{"nodejs22", inBoth, "node --version; npm --version; npx --version; yarn --version", `^v22\.\d+\.\d+\n10\.\d+\.\d+\n10\.\d+\.\d+\n1\.22\.22\n`},
		{"nodejs22", inBoth, `node -e 'const c = require("crypto"); console.log(c.createHash("sha256").update("x").digest("hex").length, new Date(0).toLocaleString("de-DE", {timeZone: "Europe/Berlin"}))'`, `^64 1\.1\.1970`},
		{"nodejs22", inBuild, "mkdir /tmp/own /tmp/use; cd /tmp/own; npm init -y >/dev/null; cd ../use; npm init -y >/dev/null; npm install --offline ../own && ls node_modules", `own`},
		{"nodejs22", inRun, "command -v gcc python3 || echo slim", `^slim`},
		{"go1", inBoth, "go version", `^go version go1\.2\d`},
		{"go1", inBoth, "cd /tmp; printf 'module own\ngo 1.21\n' >go.mod; printf 'package main\nfunc main() { println(\"it runs\") }\n' >main.go; go build main.go && ./main 2>&1", `it runs`},
		{"corretto17", inBoth, "java -version 2>&1; javac -version", `(?s)openjdk version "17\..*javac 17`},
		{"corretto17", inBoth, "mvn --version", `(?s)Apache Maven 3\.9\.11.*Java version: 17`},
		{"corretto17", inBoth, `cd /tmp; echo 'class A { public static void main(String[] a) throws Exception { System.out.println(javax.net.ssl.SSLContext.getDefault().getProtocol()); } }' >A.java; java A.java`, `Default`},
		{"ruby31", inBoth, "ruby --version; bundle --version; gem --version; rake --version", `(?s)^ruby 3\.1\..*Bundler version 2.*rake`},
		{"ruby31", inBoth, `cd /tmp; echo '#include "ruby.h"' >own.c; echo 'void Init_own(void) {}' >>own.c; ruby -rmkmf -e 'create_makefile("own")' && make >/dev/null && ruby -I. -e 'require "own"; puts "native"'`, `native`},
		{"php81", inBoth, "php --version", `^PHP 8\.2`},
		{"php81", inBoth, "php -m", `(?s)curl.*gd.*intl.*mbstring.*mysqli.*pdo_pgsql.*pdo_sqlite.*xml.*zip`},
		{"php81", inBoth, "COMPOSER_ALLOW_SUPERUSER=1 composer --version 2>&1; nginx -v 2>&1; apache2 -v; php-fpm8.2 -v; supervisord --version", `(?s)Composer.*nginx.*Apache.*fpm.*4\.`},
	} {
		for _, which := range strings.Fields(c.images) {
			image := baked[c.recipe].Build
			if which == "run" {
				if image = baked[c.recipe].Run; same(t, image, baked[c.recipe].Build) {
					continue
				}
			}
			t.Run(c.recipe+"/"+which, func(t *testing.T) {
				out, err := chroot(t, dir, image, c.script)
				if err != nil || !regexp.MustCompile(c.want).MatchString(out) {
					t.Errorf("%s\nprinted: %s\n%v, want %s", c.script, out, err, c.want)
				}
			})
		}
	}
	for name, b := range baked {
		if b.Version == "" {
			t.Errorf("%s has no version", name)
		}
		t.Run(name+"/leaks", func(t *testing.T) { leaks(t, b.Build) })
	}
}

func same(t *testing.T, a, b v1.Image) bool {
	t.Helper()
	one, err1 := a.Digest()
	other, err2 := b.Digest()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return one == other
}

// yum installs from the mirror that the image came from.
func TestYum(t *testing.T) {
	image := kit.Runtimes(t, "python311")["python311"].Run
	out, err := chroot(t, t.TempDir(), image, "yum install -y which libyaml-devel 2>&1; test -e /usr/include/yaml.h && echo there")
	for _, want := range []string{"libyaml-devel of Amazon Linux is libyaml-dev of Debian", "apt-get install -y debianutils libyaml-dev", "there"} {
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("%v, want %q in\n%s", err, want, out)
		}
	}
}

// chroot runs a script in an image, unpacked below dir once for all that share its layers.
func chroot(t *testing.T, dir string, image v1.Image, script string) (string, error) {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var lower []string
	for _, l := range layers {
		id, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		files := filepath.Join(dir, id.Hex[:12])
		if _, err := os.Stat(files); err != nil {
			unpack(t, l, files)
		}
		lower = append([]string{files}, lower...)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	scratch, err := os.MkdirTemp(dir, "run")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(scratch)
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(scratch, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const inside = `
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount -t tmpfs tmpfs "$2/root/tmp"
for device in null zero urandom; do touch "$2/root/dev/$device"; mount --bind "/dev/$device" "$2/root/dev/$device"; done
touch "$2/root/etc/resolv.conf"
mount --bind /etc/resolv.conf "$2/root/etc/resolv.conf"
root=$2/root script=$3
shift 3
exec env -i HOME=/root "$@" chroot "$root" sh -c "$script"`
	args := append([]string{"--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", inside, "sh", strings.Join(lower, ":"), scratch, script}, config.Config.Env...)
	out, err := exec.CommandContext(t.Context(), "unshare", args...).CombinedOutput()
	return string(out), err
}

func unpack(t *testing.T, l v1.Layer, files string) {
	t.Helper()
	if err := os.Mkdir(files, 0o755); err != nil {
		t.Fatal(err)
	}
	plain, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := archive.Apply(t.Context(), files, plain, archive.WithConvertWhiteout(archive.OverlayConvertWhiteout)); err != nil {
		t.Fatal(err)
	}
}

// leaks looks for what belongs to the machine that made the image.
func leaks(t *testing.T, image v1.Image) {
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	host := regexp.MustCompile(`^(etc/(resolv\.conf|hostname|machine-id)|etc/apt/apt\.conf\.d/99|usr/local/share/ca-certificates/.|usr/sbin/policy-rc\.d|root/\.|var/log/.*log$|(dev|proc|sys|run|tmp)/.)`)
	for _, l := range layers {
		plain, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(plain); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if host.MatchString(h.Name) && !slices.Contains([]string{"root/.bashrc", "root/.profile", "root/.ssh/"}, h.Name) {
				t.Errorf("%s is in the image", h.Name)
			}
		}
		_ = plain.Close()
	}
}
