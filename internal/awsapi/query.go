package awsapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// QueryAPI is one service of the query protocol: parameters of a form in, XML out.
type QueryAPI struct {
	SigningName string // the service in the scope of a signature: sts
	Version     string // of the API: 2011-06-15
	Namespace   string // of the answer's XML
	Actions     map[string]Action

	invalid, fault string // as an API has them
}

// Query lets an API be called by the query protocol as well.
func Query(api API, version, namespace string) QueryAPI {
	q := QueryAPI{SigningName: api.SigningName, Version: version, Namespace: namespace, Actions: map[string]Action{}, invalid: api.Invalid, fault: api.Fault}
	for name, op := range api.Operations {
		q.Actions[name] = op.action
	}
	return q
}

// action calls the operation with an input of parameters.
func (op Operation) action(ctx context.Context, params url.Values) (any, error) {
	in := op.newInput()
	if err := unmarshalForm(params, in); err != nil {
		return nil, Errorf(http.StatusBadRequest, "MalformedInput", "%s", sentence(err))
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	out, err := op.call(ctx, in)
	return xmlMessage{out}, err
}

// Action answers one action. The result is encoded as XML inside <Action>Result, so it must be a
// structure without a name of its own. Errors are answered as those of operations.
type Action func(ctx context.Context, params url.Values) (any, error)

// Params is the input of an action, as an Authorizer sees it.
type Params url.Values

// Validate implements Message. There is no model that parameters could break.
func (Params) Validate() error { return nil }

// isQuery tells a request of the query protocol from a JSON one. Presigned ones have their
// parameters in the URL.
func isQuery(r *http.Request) bool {
	if r.Header.Get("X-Amz-Target") != "" {
		return false
	}
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return mediaType == "application/x-www-form-urlencoded" || r.URL.Query().Has("Action")
}

const xmlType = "text/xml"

// answerQuery takes a request of the query protocol through every stage.
func (x *exchange) answerQuery(w http.ResponseWriter) []byte {
	body, err := x.safely(func() ([]byte, error) { return x.runQuery(w) })
	if err == nil {
		x.status = http.StatusOK
		return body
	}
	return x.failQuery(err)
}

func (x *exchange) runQuery(w http.ResponseWriter) ([]byte, error) {
	body, err := readBody(w, x.r)
	if err != nil {
		return nil, err
	}
	if x.call.Identity, err = x.server.config.Authenticator.Verify(x.r, body); err != nil {
		return nil, err
	}
	params, err := paramsOf(x.r, body)
	if err != nil {
		return nil, err
	}
	action, err := x.routeQuery(params)
	if err != nil {
		return nil, err
	}
	ctx := WithCall(x.r.Context(), x.call)
	if err := x.server.config.Authorizer.Authorize(ctx, x.call, Params(params)); err != nil {
		return nil, err
	}
	out, err := action(ctx, params)
	if err != nil {
		return nil, err
	}
	return x.result(out)
}

// paramsOf reads the form of the body, or the query string of a GET request.
func paramsOf(r *http.Request, body []byte) (url.Values, error) {
	if r.URL.Path != "/" || r.Method != http.MethodPost && r.Method != http.MethodGet {
		return nil, Errorf(http.StatusNotFound, "InvalidAction", "The API takes POST and GET requests to /, not %s requests to %q.", r.Method, clip(r.URL.Path))
	}
	text := string(body)
	if r.Method == http.MethodGet {
		text = r.URL.RawQuery
	}
	params, err := url.ParseQuery(text)
	if err != nil {
		return nil, Errorf(http.StatusBadRequest, "MalformedInput", "The parameters are not those of a form: each must be name=value, encoded for a URL.")
	}
	return params, nil
}

func (x *exchange) routeQuery(params url.Values) (Action, error) {
	name, version := params.Get("Action"), params.Get("Version")
	if name == "" {
		return nil, Errorf(http.StatusBadRequest, "MissingAction", "The request must contain the parameter Action.")
	}
	var found bool
	for _, api := range x.server.queries {
		if x.call.Identity.Service != api.SigningName {
			continue
		}
		found, x.query, x.call.Service = true, api, api.SigningName
		if action, ok := api.Actions[name]; ok && (version == api.Version || version == "") {
			x.call.Operation = name
			return action, nil
		}
	}
	if !found && len(x.server.queries) > 0 {
		return nil, sigv4.WrongService(x.server.queries[0].SigningName)
	}
	return nil, Errorf(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", clip(name), clip(version))
}

// result puts what an action returned into the elements around it.
func (x *exchange) result(out any) ([]byte, error) {
	var inner bytes.Buffer
	err := xml.NewEncoder(&inner).EncodeElement(out, xml.StartElement{Name: xml.Name{Local: x.call.Operation + "Result"}})
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return xml.Marshal(struct {
		XMLName xml.Name
		Result  []byte `xml:",innerxml"`
	}{
		XMLName: xml.Name{Space: x.query.Namespace, Local: x.call.Operation + "Response"},
		Result:  fmt.Appendf(inner.Bytes(), "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata>", x.call.RequestID),
	})
}

// queryCodes are the names that the query protocol has for what is wrong with a signature.
var queryCodes = map[string]string{
	"IncompleteSignatureException":        "IncompleteSignature",
	"InvalidSignatureException":           "SignatureDoesNotMatch",
	"UnrecognizedClientException":         "InvalidClientTokenId",
	"MissingAuthenticationTokenException": "MissingAuthenticationToken",
	"ExpiredTokenException":               "ExpiredToken",
	"AccessDeniedException":               "AccessDenied",
	"ThrottlingException":                 "Throttling",
	"RequestEntityTooLargeException":      "RequestEntityTooLarge",
	"SerializationException":              "MalformedInput",
	"InternalServiceErrorException":       "InternalFailure",

	"InvalidParameterValueException":       "InvalidParameterValue",
	"InvalidParameterCombinationException": "InvalidParameterCombination",
	"MissingRequiredParameterException":    "MissingParameter",
	"InternalServiceFault":                 "InternalServiceError",
}

// queryError tells clients that knew the API by the query protocol its name for the exception.
//
// Source: awsQueryCompatible trait, https://smithy.io/2.0/aws/protocols/aws-query-protocol.html.
func (x *exchange) queryError(h http.Header) {
	if x.r.Header.Get("X-Amzn-Query-Mode") == "true" {
		h.Set("X-Amzn-Query-Error", cmp.Or(queryCodes[x.code], x.code)+";"+faultOf(x.status))
	}
}

// faultOf says whose fault an answer is.
func faultOf(status int) string {
	if status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// failQuery notes err and returns the XML that tells the caller.
func (x *exchange) failQuery(err error) []byte {
	wire, known := toWire(err, cmp.Or(x.query.invalid, "ValidationError"))
	if !known && x.query.fault != "" {
		wire.Code = x.query.fault
	}
	if name, ok := queryCodes[wire.Code]; ok {
		wire = &Error{Code: name, Status: wire.Status, Message: wire.Message}
	}
	x.status, x.code, x.err = wire.Status, wire.Code, wire
	if !known {
		x.err = err
	}
	type item struct{ Type, Code, Message string }
	answer := struct {
		XMLName   xml.Name
		Error     item
		RequestID string `xml:"RequestId"`
	}{
		XMLName:   xml.Name{Space: x.query.Namespace, Local: "ErrorResponse"},
		Error:     item{faultOf(wire.Status), wire.Code, wire.Message},
		RequestID: x.call.RequestID,
	}
	body, err := xml.Marshal(answer)
	if err != nil {
		panic(err) // a structure of strings always encodes
	}
	return body
}
