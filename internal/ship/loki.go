package ship

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Loki pushes lines to Loki, or to what speaks as it does.
type Loki struct {
	URL     string // of the push API
	Headers map[string]string
	User    string // of basic authentication; without one, Secret is a bearer token
	Secret  string // the password of User, or a bearer token
	Client  *http.Client
}

// LokiPath is where Loki takes lines.
const LokiPath = "/loki/api/v1/push"

// labels are what Loki finds lines by. What there are many of, such as instances, is none.
type labels struct {
	Job     string `json:"job"`
	Region  string `json:"region"`
	Service string `json:"service"`
	Log     string `json:"log"`
}

// pushed is a stream as Loki has it. A value is a time, a line, and what is kept beside it.
type pushed struct {
	Stream labels   `json:"stream"`
	Values [][3]any `json:"values"`
}

// Send implements Sink.
func (l *Loki) Send(ctx context.Context, lines []Line) error {
	body, err := lokiBody(lines)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("User-Agent", "Slipway")
	for name, value := range l.Headers {
		r.Header.Set(name, value)
	}
	switch {
	case l.User != "":
		r.SetBasicAuth(l.User, l.Secret)
	case l.Secret != "":
		r.Header.Set("Authorization", "Bearer "+l.Secret)
	}
	answer, err := l.Client.Do(r)
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err // without the URL, which may have a password in it
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
	return lokiAnswer(answer, strings.TrimSpace(string(said)))
}

// Close implements Sink.
func (l *Loki) Close() error {
	l.Client.CloseIdleConnections()
	return nil
}

func lokiBody(lines []Line) (io.Reader, error) {
	at := map[labels]int{}
	var streams []pushed
	for _, line := range lines {
		key := labels{"slipway", line.Stream.Region, line.Stream.Service, line.Stream.Kind}
		i, ok := at[key]
		if !ok {
			i = len(streams)
			at[key] = i
			streams = append(streams, pushed{Stream: key})
		}
		beside := map[string]string{"stream": line.Stream.Name, "service_id": line.Stream.ServiceID}
		streams[i].Values = append(streams[i].Values, [3]any{strconv.FormatInt(line.Time.UnixNano(), 10), line.Text, beside})
	}
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	err := json.NewEncoder(w).Encode(map[string]any{"streams": streams})
	return &body, errors.Join(err, w.Close())
}

// lokiAnswer tells what an answer means. What is wrong with the lines themselves does not get better.
func lokiAnswer(answer *http.Response, said string) error {
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusRequestEntityTooLarge || answer.StatusCode == http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: it answers %s: %s", ErrRefused, answer.Status, said)
	default:
		return fmt.Errorf("it answers %s: %s", answer.Status, said)
	}
}
