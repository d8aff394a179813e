package awsapi

import (
	"context"
	"fmt"
)

// API is one service on the wire. Generated packages make it from a Service.
type API struct {
	SigningName  string // the service in the scope of a signature: apprunner
	TargetPrefix string // of the X-Amz-Target header: AppRunner
	Invalid      string // the exception for a request that breaks the model
	Fault        string // the exception for what is no fault of the caller; "" for App Runner's
	Operations   map[string]Operation
}

// Operation is one entry of the dispatcher. Op makes it.
type Operation struct {
	newInput func() Message
	call     func(context.Context, Message) (Message, error)
}

// Message is an input or output of an operation.
type Message interface {
	// Validate returns Violations when the message breaks a constraint of the model.
	Validate() error
}

type message[T any] interface {
	*T
	Message
}

// Op makes the dispatcher's entry from a handler.
func Op[In, Out any, PIn message[In], POut message[Out]](handler func(context.Context, PIn) (POut, error)) Operation {
	return Operation{
		newInput: func() Message { return PIn(new(In)) },
		call: func(ctx context.Context, in Message) (Message, error) {
			out, err := handler(ctx, in.(PIn))
			if err != nil {
				return nil, err
			}
			if out == nil {
				return nil, fmt.Errorf("the handler returned neither an answer nor an error")
			}
			if lists, ok := any(out).(interface{ FillLists() }); ok {
				lists.FillLists()
			}
			return out, nil
		},
	}
}

// Deref returns what p points to, or the zero value for an absent member.
func Deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
