// Go's gRPC client and MarbleRun's library, as foreign clients of our servers.
module strongroom.dev/interop

go 1.26

require (
	github.com/edgelesssys/ego v1.8.1
	github.com/edgelesssys/marblerun v1.9.0
	github.com/spf13/afero v1.15.0
	google.golang.org/grpc v1.83.2
)

require (
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/tidwall/gjson v1.18.0 // indirect
	github.com/tidwall/match v1.2.0 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap v1.27.1 // indirect
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260526163538-3dc84a4a5aaa // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

// What MarbleRun 1.9 names; the public checksum log does not have it, but the release after it.
exclude github.com/edgelesssys/ego v1.8.1-0.20251208162923-f2f9bc5962ca
