package git_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/source/git"
	"github.com/slipway-run/slipway/test/githost"
)

func TestLargeFiles(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	h.Tokens["s3cret"] = true
	r := h.Repository("ann/web")
	r.Private()
	content := strings.Repeat("large ", 5000)
	r.Push("Large", map[string]string{
		".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
		"a/b.bin":        h.Store([]byte(content)), "c.bin": "not a pointer", "d.txt": h.Store([]byte("not asked for")),
	})
	who := git.Remote{URL: r.URL, Credential: git.Credential{Username: "x", Token: "s3cret"}}
	dir := filepath.Join(t.TempDir(), "source")
	if _, err := reader(t).Fetch(t.Context(), who, "main", dir, "/"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a/b.bin": content, "c.bin": "not a pointer", "d.txt": h.Store([]byte("not asked for"))} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s has %.40q, %v", name, got, err)
		}
	}
	r.Push("Forgotten", map[string]string{"e.bin": githost.Pointer(strings.Repeat("1", 64), 10)})
	_, err := reader(t).Fetch(t.Context(), who, "main", filepath.Join(t.TempDir(), "source"), "/")
	refused(t, err, `"e.bin"`, "git lfs push")
	// Another host, as .lfsconfig names one, is told nothing.
	other := githost.New(t)
	r.Push("Elsewhere", map[string]string{".lfsconfig": "[lfs]\n\turl = " + other.URL + "/ann/web.git/info/lfs\n"})
	_, err = reader(t).Fetch(t.Context(), who, "main", filepath.Join(t.TempDir(), "source"), "/")
	refused(t, err, "git lfs push")
	for _, q := range other.Requests() {
		if q.Authorization != "" {
			t.Errorf("another host was told %q", q.Authorization)
		}
	}
}

func TestSSH(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	server, impostor := h.ServeSSH(t), h.ServeSSH(t)
	r := h.Repository("ann/web")
	id := r.Push("First", map[string]string{".gitattributes": "*.bin filter=lfs\n", "a.bin": h.Store([]byte("large"))})
	key, public, err := git.NewKey("slipway")
	if err != nil {
		t.Fatal(err)
	}
	g := reader(t)
	url := "ssh://git@" + server.Address + "/ann/web.git"
	hosts, fingerprints, err := g.HostKeys(t.Context(), url)
	if err != nil || len(fingerprints) != 1 || !strings.HasPrefix(fingerprints[0], "ssh-ed25519 SHA256:") {
		t.Fatalf("keys %q, %q, %v", hosts, fingerprints, err)
	}
	who := git.Remote{URL: url, Credential: git.Credential{Key: key, KnownHosts: hosts}}
	_, err = g.Head(t.Context(), who, "main")
	refused(t, err, "refuses the ssh key", "deploy key")
	server.Allow(public)
	impostor.Allow(public)
	if got, err := g.Head(t.Context(), who, "main"); err != nil || got != id {
		t.Fatalf("%q, %v", got, err)
	}
	dir := filepath.Join(t.TempDir(), "source")
	if _, err := g.Fetch(t.Context(), who, "main", dir, "/"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a.bin")); err != nil || string(got) != "large" {
		t.Errorf("the large file has %q, %v", got, err)
	}
	who.Credential.KnownHosts = ""
	_, err = g.Head(t.Context(), who, "main")
	refused(t, err, "ssh key that it had")
	// Another server with the recorded one's name.
	other, _, err := g.HostKeys(t.Context(), "ssh://git@"+impostor.Address+"/ann/web.git")
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(hosts, " ")
	_, forged, _ := strings.Cut(other, " ")
	who.Credential.KnownHosts = name + " " + forged
	_, err = g.Head(t.Context(), who, "main")
	refused(t, err, "authorize the connection again")
	_, _, err = g.HostKeys(t.Context(), "ssh://git@"+h.Server.Listener.Addr().String()+"/a")
	refused(t, err, "does not speak ssh")
}
