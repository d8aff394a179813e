package githost

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// SSH serves the repositories of a host over ssh, to whoever has one of the keys.
type SSH struct {
	Address string // host:port

	mu   sync.Mutex
	keys map[string]bool // public keys, as in authorized_keys
}

// Allow lets a public key in.
func (s *SSH) Allow(line string) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[string(key.Marshal())] = true
}

// ServeSSH starts an ssh server. Two have different keys.
func (h *Host) ServeSSH(t testing.TB) *SSH {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &SSH{Address: l.Addr().String(), keys: map[string]bool{}}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.keys[string(key.Marshal())] {
			return nil, nil
		}
		return nil, fmt.Errorf("unknown key")
	}}
	config.AddHostKey(signer)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { h.session(conn, config) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return s
}

var (
	uploadPack = regexp.MustCompile(`^git-upload-pack '([^']+)'$`)
	lfsLogin   = regexp.MustCompile(`^git-lfs-authenticate '([^']+)' download$`)
)

func (h *Host) session(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer server.Close()
	go ssh.DiscardRequests(requests)
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		env := []string{}
		for r := range requests {
			switch r.Type {
			case "env":
				var v struct{ Name, Value string }
				if ssh.Unmarshal(r.Payload, &v) == nil && v.Name == "GIT_PROTOCOL" {
					env = append(env, v.Name+"="+v.Value)
				}
				_ = r.Reply(true, nil)
			case "exec":
				var command struct{ Text string }
				_ = ssh.Unmarshal(r.Payload, &command)
				_ = r.Reply(true, nil)
				status := h.execute(channel, command.Text, env)
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				_ = channel.Close()
			default:
				_ = r.Reply(false, nil)
			}
		}
	}
}

func (h *Host) execute(channel ssh.Channel, command string, env []string) uint32 {
	if m := lfsLogin.FindStringSubmatch(command); m != nil {
		_, _ = fmt.Fprintf(channel, `{"href": "%s/%s/info/lfs", "header": {"X-By": "ssh"}}`, h.URL, strings.Trim(m[1], "/"))
		return 0
	}
	m := uploadPack.FindStringSubmatch(command)
	if m == nil {
		_, _ = io.WriteString(channel.Stderr(), "what?\n")
		return 1
	}
	cmd := exec.Command("git", "upload-pack", h.Dir+"/"+strings.Trim(m[1], "/"))
	cmd.Env = append(cmd.Environ(), env...)
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return 1
	}
	go func() { _, _ = io.Copy(in, channel); _ = in.Close() }()
	if cmd.Wait() != nil {
		return 1
	}
	return 0
}
