package test

import (
	"strings"
	"testing"

	"github.com/slipway-run/slipway/test/kit"
)

func TestFromImageToURL(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "")
	s.PushMimic("mimic:latest", "v1")
	service := s.Run(s.Input("web-app", "mimic:latest"))
	if code, body := s.Get(service, "/"); code != 200 || !strings.HasPrefix(body, "v1 instance ") {
		t.Errorf("the URL answers %d %q", code, body)
	}
}
