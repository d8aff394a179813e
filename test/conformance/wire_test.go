package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// wire carries the calls of an SDK, and holds every answer to the protocol and to the model: what an
// SDK does not mind, another may.
type wire struct{ t *testing.T }

// statuses are those of the exceptions that may come.
var statuses = map[string]int{
	"InvalidRequestException": 400, "InvalidStateException": 400, "ResourceNotFoundException": 400,
	"ServiceQuotaExceededException": 400, "UnknownOperationException": 404, "UnrecognizedClientException": 403,
	"InvalidSignatureException": 403,
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AppRunner.")
	if attempt := r.Header.Get("Amz-Sdk-Request"); !strings.HasPrefix(attempt, "attempt=1") {
		w.t.Errorf("%s was tried again: %s", operation, attempt)
	}
	w.checkHeader(operation, response.Header)
	if response.StatusCode == http.StatusOK {
		w.checkAnswer(operation, body)
	} else {
		w.checkError(operation, response, body)
	}
	return response, nil
}

var requestID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (w wire) checkHeader(operation string, h http.Header) {
	if got := h.Get("Content-Type"); got != "application/x-amz-json-1.0" {
		w.t.Errorf("%s answers with the content type %q", operation, got)
	}
	if got := h.Get("X-Amzn-Requestid"); !requestID.MatchString(got) {
		w.t.Errorf("%s answers with the request id %q", operation, got)
	}
}

func (w wire) checkAnswer(operation string, body []byte) {
	method, ok := reflect.TypeFor[apprunnerapi.Handlers]().MethodByName(operation)
	if !ok {
		w.t.Errorf("%s is not an operation", operation)
		return
	}
	out := reflect.New(method.Type.Out(0).Elem()).Interface().(awsapi.Message)
	if err := awsapi.Unmarshal(body, out); err != nil {
		w.t.Errorf("%s answers what the model has not: %v\n%s", operation, err, body)
	} else if err := out.Validate(); err != nil {
		w.t.Errorf("%s answers what breaks the model: %v\n%s", operation, err, body)
	}
	var raw any
	if err := json.Unmarshal(body, &raw); err != nil {
		w.t.Errorf("%s answers no JSON: %v\n%s", operation, err, body)
	}
	w.checkValue(operation, raw)
}

// checkValue finds times that are no epoch seconds, and members that are null instead of absent.
func (w wire) checkValue(where string, value any) {
	switch value := value.(type) {
	case nil:
		w.t.Errorf("%s is null, not absent", where)
	case []any:
		for _, v := range value {
			w.checkValue(where, v)
		}
	case map[string]any:
		for name, v := range value {
			w.checkValue(where+"."+name, v)
			seconds, isNumber := v.(float64)
			if strings.HasSuffix(name, "At") && (!isNumber || seconds < 1.5e9 || seconds > 1e10) {
				w.t.Errorf("%s.%s is %v, not seconds since 1970", where, name, v)
			}
		}
	}
}

func (w wire) checkError(operation string, response *http.Response, body []byte) {
	var failure map[string]any
	if err := json.Unmarshal(body, &failure); err != nil {
		w.t.Errorf("%s fails without JSON: %v\n%s", operation, err, body)
	}
	code, _ := failure["__type"].(string)
	message, _ := failure["Message"].(string)
	if want := statuses[code]; want != response.StatusCode {
		w.t.Errorf("%s fails with %q and status %d, want %d", operation, code, response.StatusCode, want)
	}
	if n := len([]rune(message)); n == 0 || n > 600 {
		w.t.Errorf("%s fails with a message of %d characters", operation, n)
	}
	if got := response.Header.Get("X-Amzn-Errortype"); got != code {
		w.t.Errorf("%s fails with %q in the header and %q in the body", operation, got, code)
	}
}
