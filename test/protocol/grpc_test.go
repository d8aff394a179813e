package protocol

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/slipway-run/slipway/internal/router"
)

// grpcApplication is a server of grpc-go with gRPC's own test service.
func grpcApplication(t *testing.T, service testgrpc.TestServiceServer) net.Listener {
	t.Helper()
	l := listen(t)
	s := grpc.NewServer()
	testgrpc.RegisterTestServiceServer(s, service)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l
}

// dial connects as clients do, with TLS or, by prior knowledge, without.
func (e *edge) dial(secure bool) *grpc.ClientConn {
	e.t.Helper()
	address, with := e.plain, insecure.NewCredentials()
	if secure {
		address, with = e.secure, credentials.NewTLS(e.tls())
	}
	conn, err := grpc.NewClient("passthrough:"+address, grpc.WithTransportCredentials(with))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestInteroperability runs gRPC's interoperability tests through the router. They end the process when one
// fails, with what is wrong. That of a call which is cancelled when it has begun is left out: it ends its
// requests too, and then an answer and the cancellation race in the client. The next test cancels calls.
func TestInteroperability(t *testing.T) {
	e := startEdge(t, router.Route{H2C: true}, grpcApplication(t, interop.NewTestServer()))
	for name, secure := range map[string]bool{"TLS": true, "prior knowledge": false} {
		conn := e.dial(secure)
		client := testgrpc.NewTestServiceClient(conn)
		for what, test := range map[string]func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption){
			"empty unary":           interop.DoEmptyUnaryCall,
			"large unary":           interop.DoLargeUnaryCall,
			"client streaming":      interop.DoClientStreaming,
			"server streaming":      interop.DoServerStreaming,
			"ping pong":             interop.DoPingPong,
			"empty stream":          interop.DoEmptyStream,
			"deadline":              interop.DoTimeoutOnSleepingServer,
			"cancel after response": interop.DoCancelAfterFirstResponse,
			"metadata and trailers": interop.DoCustomMetadata,
			"status and message":    interop.DoStatusCodeAndMessage,
			"special message":       interop.DoSpecialStatusMessage,
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				test(ctx, client)
			})
		}
		interop.DoUnimplementedMethod(t.Context(), conn)
		interop.DoUnimplementedService(t.Context(), testgrpc.NewUnimplementedServiceClient(conn))
	}
	eventually(t, "every call has left its instance", func() bool {
		stats, _ := e.router.Stats("svc")
		return stats.InFlight == 0
	})
}

// watcher tells what becomes of calls in the application.
type watcher struct {
	testgrpc.UnimplementedTestServiceServer
	begun, ended chan error
}

// FullDuplexCall implements the service: it answers once and then waits for the call to end.
func (w *watcher) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	if err := stream.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
		return err
	}
	w.begun <- nil
	<-stream.Context().Done()
	w.ended <- stream.Context().Err()
	return nil
}

// UnaryCall implements the service: it waits for the call to end.
func (w *watcher) UnaryCall(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	w.begun <- nil
	<-ctx.Done()
	w.ended <- ctx.Err()
	return nil, ctx.Err()
}

// TestTheApplicationLearnsThatACallIsOver cancels calls, and has their deadlines come.
func TestTheApplicationLearnsThatACallIsOver(t *testing.T) {
	w := &watcher{begun: make(chan error, 1), ended: make(chan error, 1)}
	e := startEdge(t, router.Route{H2C: true}, grpcApplication(t, w))
	client := testgrpc.NewTestServiceClient(e.dial(true))

	ctx, cancel := context.WithCancel(t.Context())
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil { // before the client has sent anything, and while it may
		t.Fatal(err)
	}
	<-w.begun
	cancel()
	if err := <-w.ended; err == nil {
		t.Error("the application was not told of the end of a stream")
	}
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = client.UnaryCall(ctx, &testgrpc.SimpleRequest{})
	<-w.begun
	if ended := <-w.ended; status.Code(err) != codes.DeadlineExceeded || ended == nil {
		t.Errorf("the client got %v, the application %v", err, ended)
	}
	eventually(t, "no call is left", func() bool { stats, _ := e.router.Stats("svc"); return stats.InFlight == 0 })
}

// TestStatusesOfOurOwn has calls that get no answer of the application.
func TestStatusesOfOurOwn(t *testing.T) {
	nobody := listen(t)
	_ = nobody.Close()
	slow := &watcher{begun: make(chan error, 1), ended: make(chan error, 1)}
	for name, tc := range map[string]struct {
		route    router.Route
		instance net.Listener
		code     codes.Code
		say      string
	}{
		"no instance":         {router.Route{H2C: true}, nil, codes.Unavailable, `No instance of the service "hello" became ready in time`},
		"nobody listens":      {router.Route{H2C: true}, nobody, codes.Unavailable, "does not listen"},
		"time limit":          {router.Route{H2C: true, RequestLimit: 50 * time.Millisecond}, grpcApplication(t, slow), codes.DeadlineExceeded, "time limit"},
		"HTTP/1.1 by mistake": {router.Route{}, grpcApplication(t, slow), codes.Unavailable, "Bad Gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			var instances []net.Listener
			if tc.instance != nil {
				instances = append(instances, tc.instance)
			}
			e := startEdge(t, tc.route, instances...)
			_, err := testgrpc.NewTestServiceClient(e.dial(true)).UnaryCall(t.Context(), &testgrpc.SimpleRequest{})
			if status.Code(err) != tc.code || !strings.Contains(status.Convert(err).Message(), tc.say) {
				t.Errorf("got %v, want %s with %q", err, tc.code, tc.say)
			}
		})
	}
}

// TestDrainLetsCallsEnd replaces an instance that has a call: the call ends where it is, the next one is
// answered by the other.
func TestDrainLetsCallsEnd(t *testing.T) {
	old := grpcApplication(t, interop.NewTestServer())
	e := startEdge(t, router.Route{H2C: true}, old)
	client := testgrpc.NewTestServiceClient(e.dial(false))
	stream, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := &testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: 10}}}
	talk := func() {
		t.Helper()
		if err := stream.Send(ask); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	talk()
	drained := make(chan error, 1)
	go func() { drained <- e.router.Drain(t.Context(), "svc", old.Addr().String()) }()
	eventually(t, "the instance drains", func() bool {
		stats, _ := e.router.Stats("svc")
		return stats.Instances[old.Addr().String()].Draining
	})
	talk()
	if _, err := client.EmptyCall(t.Context(), &testgrpc.Empty{}); status.Code(err) != codes.Unavailable {
		t.Errorf("a call without an instance: %v", err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}
