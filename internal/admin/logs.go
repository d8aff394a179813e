package admin

import (
	"cmp"
	"encoding/json"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// logs streams lines as JSON: one a line, or for browsers as server-sent events with an array of lines each.
func (a *API) logs(c call) error {
	s, err := a.find(c, "GetLogs")
	if err != nil {
		return err
	}
	query := c.r.URL.Query()
	events := strings.Contains(c.r.Header.Get("Accept"), "text/event-stream")
	since, err := c.since()
	if err != nil {
		return err
	}
	follow := query.Get("follow") != "" || events
	lines := a.Logs.Read(c.r.Context(), s, query.Get("stream"), since, follow)
	if events {
		return sendEvents(c, lines)
	}
	return sendLines(c, lines, follow)
}

func sendLines(c call, lines iter.Seq2[Line, error], follow bool) error {
	out := http.NewResponseController(c.w)
	c.w.Header().Set("Content-Type", "application/x-ndjson")
	if follow {
		_ = out.Flush() // so that a follower of a silent log sees that it is connected
	}
	encoder := json.NewEncoder(c.w)
	for line, err := range lines {
		if err != nil && !follow {
			return err
		}
		if encoder.Encode(orProblem(line, err)) != nil {
			return nil // the reader has left
		}
		if follow {
			_ = out.Flush()
		}
	}
	return nil
}

// orProblem is the line, or that there is none, said where the line would be.
func orProblem(line Line, err error) Line {
	if err != nil {
		return Line{Time: time.Now(), Text: "Slipway could not read on: " + err.Error()}
	}
	return line
}

// since is the time that a query asks for, or that a browser goes on at when its stream broke off. It is
// zero when nobody asks for one.
func (c call) since() (time.Time, error) {
	text := cmp.Or(c.r.Header.Get("Last-Event-ID"), c.r.URL.Query().Get("since"))
	if text == "" {
		return time.Time{}, nil
	}
	since, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return since, apprunner.Errorf(apprunner.InvalidRequest, "since=%q is not a time such as 2026-01-31T12:00:00Z.", text)
	}
	return since, nil
}

// Operation is an operation with what App Runner's API does not tell.
type Operation struct {
	ID        string                    `json:"id"`
	Type      apprunner.OperationType   `json:"type"`
	Status    apprunner.OperationStatus `json:"status"`
	Step      apprunner.Step            `json:"step"`
	Source    string                    `json:"source,omitempty"` // the commit that was built
	Reason    string                    `json:"reason,omitempty"`
	StartedAt time.Time                 `json:"startedAt"`
	EndedAt   time.Time                 `json:"endedAt,omitzero"`
}

// operations lists the operations of a service, newest first, with the reasons of failures.
func (a *API) operations(c call) error {
	s, err := a.find(c, "ListOperations")
	if err != nil {
		return err
	}
	all, err := a.Services.Operations(c.r.Context(), c.here, s.ARN)
	if err != nil {
		return err
	}
	out := make([]Operation, 0, len(all))
	for _, o := range all {
		out = append(out, Operation{
			ID: o.ID, Type: o.Type, Status: o.Status, Step: o.Step, Source: o.Source, Reason: o.Reason, StartedAt: o.StartedAt, EndedAt: o.EndedAt,
		})
	}
	return answer(c.w, out)
}
