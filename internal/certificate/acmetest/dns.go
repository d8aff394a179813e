package acmetest

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// DNS is a DNS server, over UDP and TCP, that knows what a test tells it.
type DNS struct {
	Address string

	mu      sync.Mutex
	records []dns.RR
	failing bool
	asked   map[string]int
	updates int
}

// UpdateKey signs dynamic updates, with hmac-sha256 and the secret UpdateSecret.
const (
	UpdateKey    = "slipway."
	UpdateSecret = "c2xpcHdheSdzIHRlc3RzIGNoYW5nZSB6b25lcw=="
)

// StartDNS starts a DNS server on loopback.
func StartDNS(t testing.TB) *DNS {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d := &DNS{Address: tcp.Addr().String(), asked: map[string]int{}}
	keys := map[string]string{UpdateKey: UpdateSecret}
	accept := func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept } // updates too
	for _, server := range []*dns.Server{
		{Listener: tcp, Handler: d, TsigSecret: keys, MsgAcceptFunc: accept}, {PacketConn: udp, Handler: d, TsigSecret: keys, MsgAcceptFunc: accept},
	} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.ActivateAndServe() }) // says only that it was shut down
		<-started
		t.Cleanup(func() {
			_ = server.Shutdown()
			serving.Wait()
		})
	}
	return d
}

// Set replaces all records of the names by those given, each a line of a zone file.
func (d *DNS) Set(t testing.TB, lines ...string) {
	t.Helper()
	var added []dns.RR
	for _, line := range lines {
		record, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		added = append(added, record)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range added {
		d.dropLocked(a.Header().Name)
	}
	d.records = append(d.records, added...)
}

// Drop removes all records of a name.
func (d *DNS) Drop(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dropLocked(dns.Fqdn(name))
}

func (d *DNS) dropLocked(name string) {
	var kept []dns.RR
	for _, r := range d.records {
		if !strings.EqualFold(r.Header().Name, name) {
			kept = append(kept, r)
		}
	}
	d.records = kept
}

// Fail has every question answered with an error of the server, or no longer.
func (d *DNS) Fail(fail bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing = fail
}

// Asked is how often a name was asked for.
func (d *DNS) Asked(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[strings.ToLower(dns.Fqdn(name))]
}

// ServeDNS implements dns.Handler.
func (d *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	if q.Opcode == dns.OpcodeUpdate {
		d.update(w, q)
		return
	}
	answer := new(dns.Msg)
	answer.SetReply(q)
	d.mu.Lock()
	name, kind := q.Question[0].Name, q.Question[0].Qtype
	d.asked[strings.ToLower(name)]++
	switch {
	case d.failing:
		answer.Rcode = dns.RcodeServerFailure
	case !d.followLocked(answer, name, kind):
		answer.Rcode = dns.RcodeNameError
	}
	d.mu.Unlock()
	if w.LocalAddr().Network() == "udp" {
		answer.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(answer) // the client that left does not read it
}

// followLocked answers a question along aliases, as a recursive server does, and reports whether the
// name exists.
func (d *DNS) followLocked(answer *dns.Msg, name string, kind uint16) bool {
	exists := false
	for range 8 {
		next := ""
		for _, r := range d.findLocked(name) {
			exists = true
			alias, isAlias := r.(*dns.CNAME)
			if r.Header().Rrtype != kind && !isAlias {
				continue
			}
			r = dns.Copy(r)
			r.Header().Name = name // of a wildcard too
			answer.Answer = append(answer.Answer, r)
			if isAlias && kind != dns.TypeCNAME {
				next = alias.Target
			}
		}
		if next == "" {
			return exists
		}
		name = next
	}
	return exists
}

// findLocked returns the records of a name, or of the wildcard that covers it.
func (d *DNS) findLocked(name string) []dns.RR {
	var exact, wild []dns.RR
	_, parent, _ := strings.Cut(name, ".")
	for _, r := range d.records {
		switch owner := r.Header().Name; {
		case strings.EqualFold(owner, name):
			exact = append(exact, r)
		case strings.EqualFold(owner, "*."+parent):
			wild = append(wild, r)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return wild
}

// update does a dynamic update (RFC 2136) that is signed.
func (d *DNS) update(w dns.ResponseWriter, q *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(q)
	if q.IsTsig() == nil || w.TsigStatus() != nil {
		answer.Rcode = dns.RcodeRefused
		_ = w.WriteMsg(answer)
		return
	}
	answer.SetTsig(q.IsTsig().Hdr.Name, q.IsTsig().Algorithm, 300, time.Now().Unix())
	d.mu.Lock()
	for _, r := range q.Ns {
		if r.Header().Class == dns.ClassINET {
			d.records = append(d.records, r)
			d.updates++
			continue
		}
		d.records = slices.DeleteFunc(d.records, func(have dns.RR) bool {
			r.Header().Class, r.Header().Ttl = dns.ClassINET, have.Header().Ttl
			return dns.IsDuplicate(have, r)
		})
	}
	d.mu.Unlock()
	_ = w.WriteMsg(answer)
}

// Updates is how many records were added by dynamic updates, and how many of a name are there.
func (d *DNS) Updates(name string) (added, left int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.records {
		if strings.EqualFold(r.Header().Name, dns.Fqdn(name)) {
			left++
		}
	}
	return d.updates, left
}
