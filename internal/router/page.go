package router

import (
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"syscall"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page tells a client why there is no response of the application, and what can be done.
type page struct {
	Status     int
	Title      string
	Text       string
	Commands   []string // that help, one per line
	RetryAfter int      // seconds; 0 for none
	closes     bool     // the connection cannot be used again
}

// pageFor explains err. It says nothing of instances: not how many, not where.
func pageFor(err error, host string, route *Route) page {
	name := strconv.Quote(route.Name)
	if e, ok := errors.AsType[*forbiddenError](err); ok {
		return page{Status: http.StatusForbidden, Title: "Forbidden",
			Text: "The service " + name + " is for certain addresses only, and " + e.client.String() + ", where this request comes from, is none of them. " +
				"Its owner lists them in the tag slipway:allow-ips."}
	}
	switch {
	case errors.Is(err, errUnknownHost):
		return page{Status: http.StatusNotFound, Title: "No service here",
			Text:     "No service has the host name " + strconv.Quote(host) + ". To see which services there are and their URLs:",
			Commands: []string{"slipway services", "aws apprunner list-services"}}
	case errors.Is(err, errRemoved):
		return page{Status: http.StatusNotFound, Title: "Service deleted", Text: "The service " + name + " was deleted."}
	case errors.Is(err, errNoUpgrade):
		return page{Status: http.StatusNotImplemented, Title: "Not Implemented",
			Text: "The service " + name + " speaks HTTP/2 with its instances, as its tag slipway:protocol says, and a connection cannot be upgraded there to a WebSocket or anything else."}
	case errors.Is(err, errPaused):
		return page{Status: http.StatusServiceUnavailable, Title: "Service paused", RetryAfter: 60,
			Text:     "The service " + name + " is paused. It answers again when its owner resumes it:",
			Commands: []string{"slipway resume " + route.Name, "aws apprunner resume-service --service-arn ARN"}}
	case errors.Is(err, errPending):
		return page{Status: http.StatusServiceUnavailable, Title: "Service is being deployed", RetryAfter: 2,
			Text: reason("The service "+name+" is not deployed yet.", route.Reason)}
	case errors.Is(err, errFailed):
		return page{Status: http.StatusServiceUnavailable, Title: "Service was not deployed", RetryAfter: 60,
			Text:     reason("The first deployment of the service "+name+" failed.", route.Reason),
			Commands: []string{"slipway events " + route.Name}}
	case errors.Is(err, errNoInstance):
		return page{Status: http.StatusServiceUnavailable, Title: "Service Unavailable", RetryAfter: 5,
			Text: "No instance of the service " + name + " became ready in time. Its events tell why:", Commands: []string{"slipway events " + route.Name}}
	case errors.Is(err, errQueueFull), errors.Is(err, errBusy):
		return page{Status: http.StatusTooManyRequests, Title: "Too Many Requests", RetryAfter: 1,
			Text: "The service " + name + " has more requests than it can take: " + unwrapped(err) + ". Try again in a moment."}
	}
	return upstreamPage(err, name, route.H2C)
}

// upstreamPage explains a failure that happened after the request had an instance.
func upstreamPage(err error, name string, h2c bool) page {
	_, badRequest := errors.AsType[*clientError](err)
	bad := page{Status: http.StatusBadGateway, Title: "Bad Gateway"}
	switch {
	case errors.Is(err, errRequestLimit):
		return page{Status: http.StatusGatewayTimeout, Title: "Gateway Timeout", closes: true,
			Text: "The request to the service " + name + " took longer than the time limit of a request."}
	case errors.Is(err, errOverdue):
		return page{Status: http.StatusGatewayTimeout, Title: "Gateway Timeout",
			Text: "The call of the service " + name + " took longer than its own time limit."}
	case errors.Is(err, errDrained):
		return page{Status: http.StatusServiceUnavailable, Title: "Service Unavailable", RetryAfter: 1, closes: true,
			Text: "The service " + name + " was updated, and this request did not end in time. Try again."}
	case badRequest:
		return page{Status: http.StatusBadRequest, Title: "Bad Request", closes: true,
			Text: "The body of the request could not be read to its end."}
	case isTimeout(err):
		return page{Status: http.StatusGatewayTimeout, Title: "Gateway Timeout",
			Text: "The service " + name + " did not accept the connection in time."}
	case errors.Is(err, syscall.ECONNREFUSED):
		bad.Text = "The service " + name + " refused the connection: its application does not listen."
	case isConnect(err):
		bad.Text = "The service " + name + " could not be reached."
	case isReset(err):
		bad.Text = "The service " + name + " closed the connection before it answered."
	case h2c && strings.HasPrefix(err.Error(), "stream error: "):
		bad.Text = "The service " + name + " ended the request with an error of HTTP/2 before it answered."
	case h2c:
		bad.Text = "The service " + name + " did not answer in HTTP/2, which its tag slipway:protocol says it speaks."
	default:
		bad.Text = "The service " + name + " sent a response that is not valid HTTP."
	}
	return bad
}

func reason(text, why string) string {
	if why == "" {
		return text
	}
	return text + " " + why
}

func unwrapped(err error) string {
	if errors.Is(err, errQueueFull) {
		return errQueueFull.Error()
	}
	return errBusy.Error()
}

// refusal is the page for a request that is none.
func refusal(status int, why string) page {
	return page{Status: status, Title: http.StatusText(status), Text: "The request was refused: " + why + ".", closes: true}
}

// render makes the body, as HTML for those who ask for it, else as plain text, and says what it is.
func (p page) render(html bool) (body, kind string) {
	var b strings.Builder
	if html {
		if err := pageTemplate.Execute(&b, p); err != nil {
			panic(err) // the template and its data are ours: only a defect fails here
		}
		return b.String(), "text/html; charset=utf-8"
	}
	b.WriteString(strconv.Itoa(p.Status) + " " + p.Title + "\n\n" + p.Text + "\n")
	for _, c := range p.Commands {
		b.WriteString("    " + c + "\n")
	}
	return b.String(), "text/plain; charset=utf-8"
}

// headers are those of the page, in pairs.
func (p page) headers(html bool, kind string) []string {
	h := []string{"Content-Type", kind, "Cache-Control", "no-store", "X-Content-Type-Options", "nosniff", "Vary", "Accept"}
	if html {
		h = append(h, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	}
	if p.RetryAfter > 0 {
		h = append(h, "Retry-After", strconv.Itoa(p.RetryAfter))
	}
	return h
}

// appendPage makes a whole response. Own are headers beside those of the page.
func appendPage(b []byte, p page, own []byte, html, isHead, keep bool) []byte {
	body, kind := p.render(html)
	b = append(append(strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(p.Status), 10), ' '), http.StatusText(p.Status)...)
	b = append(append(append(b, "\r\nDate: "...), date()...), crlf...)
	h := p.headers(html, kind)
	for i := 0; i < len(h); i += 2 {
		b = append(append(append(append(b, h[i]...), ": "...), h[i+1]...), crlf...)
	}
	b = append(b, own...)
	b = append(appendConnection(appendLength(b, int64(len(body))), keep, 1), crlf...)
	if isHead {
		return b
	}
	return append(b, body...)
}

// writePage answers with p.
func writePage(w http.ResponseWriter, req *http.Request, p page) {
	if isGRPC(req.Header.Get("Content-Type")) {
		p.writeGRPC(w)
		return
	}
	html := prefersHTML(req.Header.Values("Accept"))
	body, kind := p.render(html)
	h := p.headers(html, kind)
	for i := 0; i < len(h); i += 2 {
		w.Header().Set(h[i], h[i+1])
	}
	if p.closes {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	if req.Method != http.MethodHead {
		_, _ = w.Write([]byte(body)) // a client that left does not read it
	}
}

// prefersHTML reports whether an Accept header names HTML, and plain text not with more weight.
// Browsers name it; curl and most libraries send */* or nothing.
func prefersHTML(accept []string) bool {
	html, plain := 0.0, 0.0
	for _, value := range accept {
		for entry := range strings.SplitSeq(value, ",") {
			kind, params, _ := strings.Cut(entry, ";")
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case "text/html", "application/xhtml+xml":
				html = max(html, weight(params))
			case "text/plain":
				plain = max(plain, weight(params))
			}
		}
	}
	return html > 0 && html >= plain
}

// weight reads the q parameter of an entry of Accept.
func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || q < 0 {
				return 0
			}
			return q
		}
	}
	return 1
}
