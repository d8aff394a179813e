package iam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// shelf is a store in memory.
type shelf struct {
	documents map[string][]byte
	err       error
}

func (s *shelf) AccessKeys(context.Context) (all [][]byte, err error) {
	for _, d := range s.documents {
		all = append(all, d)
	}
	return all, s.err
}

func (s *shelf) AddAccessKey(_ context.Context, id string, document []byte) error {
	if s.err == nil {
		s.documents[id] = document
	}
	return s.err
}

func (s *shelf) RemoveAccessKey(_ context.Context, id string) (bool, error) {
	_, found := s.documents[id]
	if s.err == nil {
		delete(s.documents, id)
	}
	return found, s.err
}

func ring(t *testing.T, root Key, s *shelf, log *strings.Builder) *Ring {
	t.Helper()
	r, err := OpenRing(t.Context(), root, s, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const describeOnly = `{"Statement":{"Effect":"Allow","Action":"apprunner:Describe*","Resource":"*"}}`

func TestRing(t *testing.T) {
	t.Parallel()
	root, s := NewKey(time.Now()), &shelf{documents: map[string][]byte{}}
	r := ring(t, root, s, &strings.Builder{})
	ci, err := r.Create(t.Context(), "ci", parse(t, describeOnly))
	if err != nil {
		t.Fatal(err)
	}
	nameless, err := r.Create(t.Context(), "", parse(t, describeOnly))
	if err != nil || nameless.Name != nameless.ID {
		t.Fatalf("%v, %v", nameless, err)
	}
	for reason, r := range map[string]*Ring{"at once": r, "after a restart": ring(t, root, s, &strings.Builder{})} {
		got, ok := r.Authenticate(ci.ID, ci.Secret)
		if !ok || got.Name != "ci" || got.Root() || got.ARN("000000000000") != "arn:aws:iam::000000000000:user/ci" {
			t.Errorf("%s: %v, %v", reason, got, ok)
		}
		if d := got.Allows(Request{Action: "apprunner:DescribeService", Resource: web}); d != Allowed {
			t.Errorf("%s: describing is %d", reason, d)
		}
		if d := got.Allows(Request{Action: "apprunner:DeleteService", Resource: web}); d != NotAllowed {
			t.Errorf("%s: deleting is %d", reason, d)
		}
		if u, ok := r.Authenticate(root.ID, root.Secret); !ok || !u.Root() || u.Allows(Request{Action: "x:y"}) != Allowed || u.ARN("1") != "arn:aws:iam::1:root" {
			t.Errorf("%s: root is %v, %v", reason, u, ok)
		}
		var names []string
		for _, u := range r.Users() {
			names = append(names, u.Name)
		}
		if !slices.Equal(names, []string{"root", nameless.ID, "ci"}) {
			t.Errorf("%s: users %v", reason, names)
		}
	}
	if found, err := r.Delete(t.Context(), ci.ID); !found || err != nil {
		t.Errorf("delete: %v, %v", found, err)
	}
	if _, ok := r.Authenticate(ci.ID, ci.Secret); ok {
		t.Error("a deleted key lets in")
	}
	if found, err := r.Delete(t.Context(), ci.ID); found || err != nil {
		t.Errorf("delete again: %v, %v", found, err)
	}
	if _, err := r.Create(t.Context(), "ci", parse(t, describeOnly)); err != nil {
		t.Errorf("the name of a deleted key: %v", err)
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	t.Parallel()
	root := NewKey(time.Now())
	r := ring(t, root, &shelf{}, &strings.Builder{})
	for _, c := range [][2]string{{"", ""}, {root.ID, ""}, {root.ID, root.Secret + "x"}, {root.ID, root.Secret[1:]}, {"AKIAAAAAAAAAAAAAAAAA", ""}, {"AKIAAAAAAAAAAAAAAAAA", root.Secret}, {root.Secret, root.ID}} {
		if u, ok := r.Authenticate(c[0], c[1]); ok || u != (User{}) {
			t.Errorf("%q is let in as %v", c, u)
		}
	}
}

func TestCreateAndDeleteRefuse(t *testing.T) {
	t.Parallel()
	root, s := NewKey(time.Now()), &shelf{documents: map[string][]byte{}}
	r := ring(t, root, s, &strings.Builder{})
	if _, err := r.Create(t.Context(), "ci", parse(t, describeOnly)); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{
		"ci": "already", "root": "already", "a b": "1 to 64 letters", strings.Repeat("x", 65): "1 to 64", "a/b": "1 to 64", "ü": "1 to 64",
	} {
		if _, err := r.Create(t.Context(), name, parse(t, describeOnly)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if _, err := r.Delete(t.Context(), root.ID); err == nil || !strings.Contains(err.Error(), "root key cannot be deleted") {
		t.Errorf("deleting root: %v", err)
	}
	s.err = errors.New("the disk is full")
	if u, err := r.Create(t.Context(), "new", parse(t, describeOnly)); !errors.Is(err, s.err) || u.ID != "" || len(r.Users()) != 2 {
		t.Errorf("a key that is not stored: %v, %v", u, err)
	}
	id := r.Users()[1].ID
	if _, err := r.Delete(t.Context(), id); !errors.Is(err, s.err) || len(r.Users()) != 2 {
		t.Errorf("a key that stays stored: %v", err)
	}
}

// A document that cannot be read must never become a key that may do everything.
func TestOpenRingLeavesOutWhatItCannotRead(t *testing.T) {
	t.Parallel()
	root, k := NewKey(time.Now()), NewKey(time.Now())
	document := func(policy string) []byte {
		return fmt.Appendf(nil, `{"AccessKeyId":%q,"SecretAccessKey":%q,"Name":"x"%s}`, k.ID, k.Secret, policy)
	}
	for reason, d := range map[string][]byte{
		"no policy": document(""), "no policy at all": document(`,"Policy":null`), "an empty policy": document(`,"Policy":{}`),
		"an operator of tomorrow": document(`,"Policy":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Newer":{"aws:username":"x"}}}}`),
		"no JSON":                 []byte("{"), "no secret": fmt.Appendf(nil, `{"AccessKeyId":%q,"Name":"x","Policy":%s}`, k.ID, describeOnly),
		"the root key's id": fmt.Appendf(nil, `{"AccessKeyId":%q,"SecretAccessKey":%q,"Name":"x","Policy":%s}`, root.ID, k.Secret, describeOnly),
	} {
		var log strings.Builder
		r := ring(t, root, &shelf{documents: map[string][]byte{k.ID: d}}, &log)
		if _, ok := r.Authenticate(k.ID, k.Secret); ok || len(r.Users()) != 1 || !r.Users()[0].Root() {
			t.Errorf("%s: it lets in, or root is lost", reason)
		}
		if !strings.Contains(log.String(), "cannot be used") || strings.Contains(log.String(), k.Secret) {
			t.Errorf("%s: log %s", reason, &log)
		}
	}
	if _, err := OpenRing(t.Context(), root, &shelf{err: errors.New("no disk")}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Errorf("without a store: %v", err)
	}
}
