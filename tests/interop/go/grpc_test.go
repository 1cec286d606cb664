// Package interop holds gRPC-Go against src/net's server: STRONGROOM_ECHO_SERVER names net_echo_server.
package interop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Messages as bytes, under the name of the codec that everybody uses.
type rawCodec struct{}

func (rawCodec) Name() string                    { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (rawCodec) Unmarshal(b []byte, v any) error { *v.(*[]byte) = bytes.Clone(b); return nil }

type server struct {
	folder, tls, plain string
	lines              chan string // what it says later
}

// start runs a server until the test is over.
func start(t *testing.T, arguments ...string) *server {
	t.Helper()
	program := os.Getenv("STRONGROOM_ECHO_SERVER")
	if program == "" {
		t.Fatal("STRONGROOM_ECHO_SERVER is not set, wanted the path of net_echo_server")
	}
	s := &server{folder: t.TempDir(), lines: make(chan string, 16)}
	command := exec.Command(program, append([]string{s.folder}, arguments...)...)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close() // which stops it
		if err := command.Wait(); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	reader := bufio.NewReader(output)
	var tlsPort, plainPort int
	if _, err := fmt.Fscanf(reader, "tls %d plain %d\n", &tlsPort, &plainPort); err != nil {
		t.Fatalf("server did not say its ports: %v", err)
	}
	s.tls, s.plain = fmt.Sprintf("localhost:%d", tlsPort), fmt.Sprintf("localhost:%d", plainPort)
	go func() {
		for {
			line, err := reader.ReadString('\n')
			if err == io.EOF || err != nil {
				return
			}
			s.lines <- strings.TrimSpace(line)
		}
	}()
	return s
}

func (s *server) credentials(t *testing.T, withCertificate bool, version uint16) credentials.TransportCredentials {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(s.folder, "server.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("server.pem holds no certificate")
	}
	config := &tls.Config{RootCAs: roots, MinVersion: version, MaxVersion: version}
	if withCertificate {
		pair, err := tls.LoadX509KeyPair(filepath.Join(s.folder, "client.pem"), filepath.Join(s.folder, "client.key"))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config)
}

func dial(t *testing.T, address string, with credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(with),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

func mutual(t *testing.T) (*server, *grpc.ClientConn) {
	t.Helper()
	s := start(t, "require")
	return s, dial(t, s.tls, s.credentials(t, true, tls.VersionTLS13))
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func call(ctx context.Context, connection *grpc.ClientConn, method string, message []byte, options ...grpc.CallOption) ([]byte, error) {
	var reply []byte
	err := connection.Invoke(ctx, method, message, &reply, append(options, grpc.ForceCodec(rawCodec{}))...)
	return reply, err
}

func expectCode(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if got := status.Code(err); got != want {
		t.Fatalf("status %v (%v), wanted %v", got, err, want)
	}
}

func expectEcho(t *testing.T, connection *grpc.ClientConn, message []byte, options ...grpc.CallOption) {
	t.Helper()
	reply, err := call(limited(t), connection, "/test.Echo/Echo", message, options...)
	if err != nil {
		t.Fatalf("%d bytes: %v", len(message), err)
	}
	if !bytes.Equal(reply, message) {
		t.Fatalf("%d bytes came back as %d others", len(message), len(reply))
	}
}

func pattern(size int) []byte {
	out := make([]byte, size)
	for i := range out {
		out[i] = byte(i * 7 >> 2)
	}
	return out
}

func TestMessagesOfAllSizesPackedAndNot(t *testing.T) {
	_, connection := mutual(t)
	for _, size := range []int{0, 1, 16, 16384, 65535, 65536, 600 << 10, 5 << 20} {
		expectEcho(t, connection, pattern(size))
		expectEcho(t, connection, pattern(size), grpc.UseCompressor(gzip.Name))
	}
}

func TestBothVersionsOfTlsAndPlaintext(t *testing.T) {
	s := start(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		expectEcho(t, dial(t, s.tls, s.credentials(t, true, version)), pattern(1000))
	}
	expectEcho(t, dial(t, s.plain, insecure.NewCredentials()), pattern(1000))
}

func TestStrangersAreRefused(t *testing.T) {
	s := start(t, "require")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		_, err := call(limited(t), dial(t, s.tls, s.credentials(t, false, version)), "/test.Echo/Echo", nil)
		expectCode(t, err, codes.Unavailable)
	}
}

func TestErrorsArriveAsStatuses(t *testing.T) {
	_, connection := mutual(t)
	_, err := call(limited(t), connection, "/test.Echo/Refuse", nil)
	expectCode(t, err, codes.PermissionDenied)
	if got := status.Convert(err).Message(); got != "50 % of äll\n" {
		t.Fatalf("message %q", got)
	}
	_, err = call(limited(t), connection, "/test.Echo/None", nil)
	expectCode(t, err, codes.Unimplemented)
	_, err = call(limited(t), connection, "/test.None/Echo", nil)
	expectCode(t, err, codes.Unimplemented)
	_, err = call(limited(t), connection, "/test.Echo/Echo", pattern(17<<20))
	expectCode(t, err, codes.ResourceExhausted)
	expectEcho(t, connection, []byte("still here"))
}

func TestMetadataAndDeadlineReachTheHandler(t *testing.T) {
	_, connection := mutual(t)
	ctx := metadata.AppendToOutgoingContext(limited(t), "x-test", "value")
	reply, err := call(ctx, connection, "/test.Echo/Metadata", nil)
	if err != nil || string(reply) != "value true" {
		t.Fatalf("%q, %v", reply, err)
	}
	reply, err = call(t.Context(), connection, "/test.Echo/Metadata", nil)
	if err != nil || string(reply) != "none true" {
		t.Fatalf("%q, %v", reply, err)
	}
}

func TestDeadlinesAndCancellationsEndCalls(t *testing.T) {
	s, connection := mutual(t)
	expectEcho(t, connection, nil) // connected
	short, done := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer done()
	_, err := call(short, connection, "/test.Echo/Never", nil)
	expectCode(t, err, codes.DeadlineExceeded)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err = call(ctx, connection, "/test.Echo/Never", nil)
	expectCode(t, err, codes.Canceled)
	for range 2 {
		select {
		case line := <-s.lines:
			if line != "cancelled" {
				t.Fatalf("server says %q", line)
			}
		case <-limited(t).Done():
			t.Fatal("the server did not notice")
		}
	}
	expectEcho(t, connection, []byte("still here"))
}

func TestManyCallsShareOneConnection(t *testing.T) {
	_, connection := mutual(t)
	ctx := limited(t)
	var group sync.WaitGroup
	failures := make(chan error, 1000)
	for i := range 1000 {
		group.Go(func() {
			message := pattern(i * 37)
			reply, err := call(ctx, connection, "/test.Echo/Echo", message)
			if err == nil && !bytes.Equal(reply, message) {
				err = fmt.Errorf("call %d came back as %d bytes", i, len(reply))
			}
			if err != nil {
				failures <- err
			}
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if state := connection.GetState(); state != connectivity.Ready {
		t.Errorf("connection is %v", state)
	}
}

func TestHealthServiceByItsOwnClient(t *testing.T) {
	_, connection := mutual(t)
	client := health.NewHealthClient(connection)
	for name, want := range map[string]health.HealthCheckResponse_ServingStatus{
		"": health.HealthCheckResponse_SERVING, "resting": health.HealthCheckResponse_NOT_SERVING} {
		reply, err := client.Check(limited(t), &health.HealthCheckRequest{Service: name})
		if err != nil || reply.GetStatus() != want {
			t.Errorf("%q: %v, %v, wanted %v", name, reply.GetStatus(), err, want)
		}
	}
	_, err := client.Check(limited(t), &health.HealthCheckRequest{Service: "nobody"})
	expectCode(t, err, codes.NotFound)
}
