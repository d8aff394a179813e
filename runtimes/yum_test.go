package runtimes

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script that stands for yum calls apt-get with the packages that Debian has.
func TestYum(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("yum", string(Yum))
	write("apt-get", "#!/bin/sh\n[ \"$1\" = update ] || echo \"$@\"\n")
	for _, c := range []struct {
		args, want, said string
		fails            bool
		reason           string
	}{
		{"install -y gcc", "install -y --no-install-recommends gcc", "apt-get install -y gcc", false, "the same name"},
		{"-y install gcc-c++ make", "install -y --no-install-recommends g++ make", "gcc-c++ of Amazon Linux is g++ of Debian", false, "options may come first"},
		{"install python3-devel.x86_64", "install -y --no-install-recommends python3-devel.x86_64", "", false, "left as it is, for apt to refuse"},
		{"install -y postgresql-devel python3-devel", "install -y --no-install-recommends libpq-dev python3-dev", "", false, "other names"},
		{"install -y libffi-devel ncurses-devel", "install -y --no-install-recommends libffi-dev libncurses-dev", "", false, "names by rule"},
		{"groupinstall -y Development~Tools", "install -y --no-install-recommends gcc g++ make patch pkg-config", "", false, "the one group"},
		{"groupinstall -y Web~Server", "", "by name", true, "another group"},
		{"update -y", "", "nothing to do", false, "images are made anew"},
		{"clean all", "", "nothing to do", false, "nothing is kept"},
		{"remove gcc", "remove -y gcc", "", false, "passed on"},
		{"install -y", "", "no package", true, "nothing to install"},
		{"repolist", "", "use apt-get instead", true, "what cannot be done is refused"},
		{"", "", "Use apt-get instead", true, "no command"},
	} {
		var args []string
		for word := range strings.FieldsSeq(c.args) {
			args = append(args, strings.ReplaceAll(word, "~", " "))
		}
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "yum"), args...)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if strings.TrimSpace(string(out)) != c.want || (err != nil) != c.fails || !strings.Contains(strings.ToLower(said.String()), strings.ToLower(c.said)) {
			t.Errorf("yum %s: %q, %v, said %q; want %q and %q: %s", c.args, out, err, &said, c.want, c.said, c.reason)
		}
	}
}
