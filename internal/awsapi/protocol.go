package awsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// protocol is how the operations of an API travel: what names the operation, and how bodies are written.
type protocol struct {
	mediaType string
	target    func(*http.Request) (string, error) // Prefix.Operation
	unmarshal func(body []byte, in any) error
	marshal   func(out any) ([]byte, error)
}

const (
	json10   = "application/x-amz-json-1.0"
	json11   = "application/x-amz-json-1.1"
	cborType = "application/cbor"
)

func jsonProtocol(mediaType string) protocol {
	return protocol{mediaType, jsonTarget, Unmarshal, json.Marshal}
}

var cborProtocol = protocol{cborType, cborTarget, unmarshalCBOR, cbor.Marshal}

// smithyHeader names the protocol of requests and answers in CBOR.
//
// Source: Smithy RPC v2 CBOR protocol, https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html.
const (
	smithyHeader = "Smithy-Protocol"
	smithyCBOR   = "rpc-v2-cbor"
)

// protocolOf tells how a request is written, which is how its answer is written as well.
func protocolOf(r *http.Request) (protocol, error) {
	sent := r.Header.Get("Content-Type")
	mediaType, params, err := mime.ParseMediaType(sent)
	p, wanted := jsonProtocol(json10), json10+" or "+json11
	switch {
	case r.Header.Get(smithyHeader) == smithyCBOR:
		p, wanted = cborProtocol, cborType
	case mediaType == json11:
		p = jsonProtocol(json11)
	}
	charset := strings.ToLower(params["charset"])
	if err != nil || mediaType != p.mediaType || charset != "" && charset != "utf-8" {
		return p, unsupported("The content type must be %s, not %q.", wanted, clip(sent))
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return p, unsupported("A body with the content encoding %q is not understood. Send it as it is.", clip(encoding))
	}
	return p, nil
}

func unsupported(format string, args ...any) error {
	return Errorf(http.StatusUnsupportedMediaType, "UnsupportedMediaTypeException", format, args...)
}

// jsonTarget is in a header.
func jsonTarget(r *http.Request) (string, error) {
	if r.Method != http.MethodPost || r.URL.Path != "/" {
		return "", Errorf(http.StatusNotFound, "UnknownOperationException", "The API takes POST requests to /, not %s requests to %q.", r.Method, clip(r.URL.Path))
	}
	target := r.Header.Get("X-Amz-Target")
	if target == "" {
		return "", Errorf(http.StatusNotFound, "UnknownOperationException", "The request names no operation: it has no X-Amz-Target header.")
	}
	return target, nil
}

// cborTarget is in the path: /service/Prefix/operation/Operation.
func cborTarget(r *http.Request) (string, error) {
	parts := strings.Split(r.URL.Path, "/")
	if r.Method != http.MethodPost || len(parts) != 5 || parts[0] != "" || parts[1] != "service" || parts[3] != "operation" {
		return "", Errorf(http.StatusNotFound, "UnknownOperationException", "In CBOR the API takes POST requests to /service/NAME/operation/NAME, not %s requests to %q.", r.Method, clip(r.URL.Path))
	}
	return parts[2] + "." + parts[4], nil
}

var cborMode = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxNestedLevels: maxDepth, FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode()
	if err != nil {
		panic(err) // the options are constants
	}
	return mode
}()

// unmarshalCBOR decodes a request body into a generated structure. Its errors never show a value.
func unmarshalCBOR(body []byte, in any) error {
	if len(body) == 0 {
		return nil
	}
	return explainCBOR(cborMode.Unmarshal(body, in))
}

// explainCBOR leaves out what the library tells of values and of our types.
func explainCBOR(err error) error {
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*cbor.UnmarshalTypeError](err); ok {
		if wrong.StructFieldName == "" {
			return fmt.Errorf("the request body must be a map, not: %s", wrong.CBORType)
		}
		member := wrong.StructFieldName[strings.LastIndexByte(wrong.StructFieldName, '.')+1:]
		return fmt.Errorf("the member %q, or a part of it, is of the wrong type or too large: %s", member, wrong.CBORType)
	}
	if _, ok := errors.AsType[*cbor.DupMapKeyError](err); ok {
		return errors.New("the request body has a map with two members of one name")
	}
	return fmt.Errorf("the request body is not the CBOR of this operation: %w", err)
}
