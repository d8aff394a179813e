// Package awsapi serves AWS APIs of the JSON protocol and of its sibling in CBOR: it verifies who
// calls, decodes and validates what they ask, calls the handler and writes the answer or the error as
// AWS does. Query lets an API be called by the older query protocol as well, which answers XML; what
// speaks no other is written by hand as a QueryAPI.
//
// The types, constraints and dispatchers of each service are generated into packages below this
// one; see generate.go. A handler implements the generated Handlers interface and returns
// *apprunner.Error or *Error for what the caller must know; any other error is answered with a
// generic message and logged:
//
//	type handlers struct {
//		apprunnerapi.Unimplemented // what is not written yet
//		control Control
//	}
//
//	func (h *handlers) PauseService(ctx context.Context, in *apprunnerapi.PauseServiceInput) (*apprunnerapi.PauseServiceOutput, error) {
//		region := awsapi.CallFrom(ctx).Identity.Region
//		service, operation, err := h.control.Pause(ctx, region, *in.ServiceArn) // required, so not nil
//		if err != nil {
//			return nil, err
//		}
//		return &apprunnerapi.PauseServiceOutput{Service: toWire(service), OperationId: new(operation.ID)}, nil
//	}
//
// An input has been validated when a handler sees it: required members are there, and awsapi.Deref
// reads the others. An answer is built with new(value) and NewTime; required lists may stay nil.
package awsapi
