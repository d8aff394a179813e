package git

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// NewKey makes a deploy key: the private half as PEM, and the public one as a line for the host.
func NewKey(comment string) (private []byte, public string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("make a deploy key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, comment)
	if err != nil {
		return nil, "", fmt.Errorf("encode a deploy key: %w", err)
	}
	shown, err := ssh.NewPublicKey(pub)
	if err != nil {
		return nil, "", fmt.Errorf("encode a deploy key: %w", err)
	}
	return pem.EncodeToMemory(block), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(shown))) + " " + comment, nil
}

// sshWay is how git reaches a server over ssh. The private key stays in this process: ssh asks for
// signatures at a socket.
type sshWay struct {
	socket  string
	options []string

	listener net.Listener
}

func (g *Git) openSSH(ctx context.Context, p place, c Credential, home string) (*sshWay, error) {
	keys := agent.NewKeyring()
	if len(c.Key) > 0 {
		key, err := ssh.ParseRawPrivateKey(c.Key)
		if err == nil {
			err = keys.Add(agent.AddedKey{PrivateKey: key})
		}
		if err != nil {
			return nil, failf("The ssh key for repository %s cannot be read: %s. Authorize its connection again.", p, err)
		}
	}
	host, port := p.address()
	found, err := g.resolve(ctx, host, port)
	if err != nil {
		return nil, unreached(p, host, err)
	}
	hosts := filepath.Join(home, "known_hosts")
	if err := os.WriteFile(hosts, []byte(c.KnownHosts), 0o600); err != nil {
		return nil, fmt.Errorf("write the known hosts: %w", err)
	}
	w := &sshWay{socket: filepath.Join(home, "agent")}
	w.options = []string{
		"-F", "/dev/null", "-a", "-x", "-T",
		// The address that was checked, and the name that the server's key is of.
		"-o", "Hostname=" + found[0].Addr().String(), "-o", "HostKeyAlias=" + alias(host, port), "-o", "CheckHostIP=no",
		"-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + hosts, "-o", "GlobalKnownHostsFile=/dev/null",
		"-o", "BatchMode=yes", "-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no", "-o", "IdentityFile=none",
		"-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4", "-o", "UpdateHostKeys=no", "-o", "ControlPath=none",
		"-o", "PermitLocalCommand=no", "-o", "ClearAllForwardings=yes", "-o", "LogLevel=ERROR",
	}
	if w.listener, err = net.Listen("unix", w.socket); err != nil {
		return nil, fmt.Errorf("listen for ssh: %w", err)
	}
	go w.serve(keys)
	return w, nil
}

func (w *sshWay) serve(keys agent.Agent) {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_ = agent.ServeAgent(keys, conn) // ends when ssh does
		}()
	}
}

func (w *sshWay) close() { _ = w.listener.Close() }

// command is for a shell: no option has anything in it that one takes for special.
func (w *sshWay) command() string { return "ssh " + strings.Join(w.options, " ") }

// alias is how the keys of a server are named among known hosts.
func alias(host, port string) string { return knownhosts.Normalize(net.JoinHostPort(host, port)) }

// errKeySeen ends a handshake as soon as the server has shown its key.
var errKeySeen = errors.New("the key is seen")

// HostKeys asks the server of an ssh URL for its keys, as lines of a known_hosts file, and returns
// their fingerprints for people to compare. It returns nothing for other URLs.
func (g *Git) HostKeys(ctx context.Context, rawURL string) (lines string, fingerprints []string, err error) {
	p, err := g.place(rawURL)
	if err != nil || p.url.Scheme != "ssh" {
		return "", nil, err
	}
	host, port := p.address()
	for _, kind := range []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoRSASHA512} {
		key, err := g.hostKey(ctx, p, kind)
		if err != nil {
			return "", nil, err
		}
		if key != nil {
			lines += knownhosts.Line([]string{alias(host, port)}, key) + "\n"
			fingerprints = append(fingerprints, key.Type()+" "+ssh.FingerprintSHA256(key))
		}
	}
	if lines == "" {
		return "", nil, failf("The server of repository %s shows no ssh key that Slipway knows. It needs one of ed25519, ecdsa or rsa.", p)
	}
	return lines, fingerprints, nil
}

// hostKey returns the server's key of one kind, nil when it has none.
func (g *Git) hostKey(ctx context.Context, p place, kind string) (seen ssh.PublicKey, err error) {
	host, port := p.address()
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	found, err := g.resolve(ctx, host, port)
	if err != nil {
		return nil, final(unreached(p, host, err))
	}
	conn, err := connectAny(ctx, found)
	if err != nil {
		return nil, final(unreached(p, host, err))
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	_, _, _, err = ssh.NewClientConn(conn, host, &ssh.ClientConfig{
		User: "git", HostKeyAlgorithms: []string{kind},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error { seen = key; return errKeySeen },
	})
	if seen == nil && !strings.Contains(err.Error(), "no common algorithm") {
		return nil, failf("The server of repository %s does not speak ssh properly: %s. Check the URL.", p, clean(err.Error(), 200))
	}
	return seen, nil
}
