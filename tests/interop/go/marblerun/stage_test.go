// Package marblerun holds MarbleRun's own Go packages against our coordinator: its client library (api) and the program
// start of its marbles (marble/premain, with its Gramine issuer). Coordinator and marble run in simulated enclaves.
// STRONGROOM_BIN names the folder of our programs.
//
// What cannot be theirs: their client verifies evidence by a library of Open Enclave's that knows Intel's root alone, so
// it is told to skip that.
package marblerun

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const marbleVariable = "STRONGROOM_PLAY_MARBLE" // set where this program is the marble

func TestMain(m *testing.M) {
	if os.Getenv(marbleVariable) != "" {
		os.Exit(playMarble())
	}
	os.Exit(m.Run())
}

// A simulated world with its collateral service and a coordinator.
type stage struct {
	state, anchor string
	client, mesh  string // the coordinator's addresses
}

func binary(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("STRONGROOM_BIN")
	if folder == "" {
		t.Fatal("STRONGROOM_BIN is not set, wanted the folder of our programs")
	}
	return filepath.Join(folder, name)
}

func (s *stage) simtee(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(binary(t, "strongroom-simtee"), arguments...)
	command.Env = append(os.Environ(), "STRONGROOM_SIMTEE_STATE="+s.state)
	return command
}

// output runs to the end and returns what was printed.
func output(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	var said, complaints bytes.Buffer
	command.Stdout, command.Stderr = &said, &complaints
	if err := command.Run(); err != nil {
		t.Fatalf("%v: %v\n%s%s", command.Args, err, said.String(), complaints.String())
	}
	return said.String()
}

// begin starts a server, which ends with the test, and returns what `wanted` finds in a line of its log.
func begin(t *testing.T, command *exec.Cmd, wanted *regexp.Regexp) []string {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("%v: %v", command.Args[1:3], err)
		}
	})
	found := make(chan []string, 1)
	go func() {
		defer close(found)
		var log strings.Builder
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			fmt.Fprintln(&log, lines.Text())
			if match := wanted.FindStringSubmatch(lines.Text()); match != nil {
				found <- match
				io.Copy(io.Discard, reader)
				return
			}
		}
		t.Log(log.String())
	}()
	select {
	case match := <-found:
		if match == nil {
			t.Fatalf("%v ended without a line like %v", command.Args, wanted)
		}
		return match
	case <-time.After(30 * time.Second):
		t.Fatalf("%v: no line like %v", command.Args, wanted)
	}
	return nil
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{state: filepath.Join(t.TempDir(), "world")}
	s.anchor = strings.TrimSpace(output(t, s.simtee(t, "root")))
	pccs := begin(t, s.simtee(t, "pccs", "--listen", "127.0.0.1:0"), regexp.MustCompile(`listening.*?(127\.0\.0\.1:\d+)`))
	coordinator := s.simtee(t, "run", "--mount-writable", "/state="+t.TempDir(), "--host-env", "STRONGROOM_PCCS_URL", "--",
		binary(t, "strongroom-coordinator"), "--seal-dir", "/state", "--mesh-addr", "127.0.0.1:0", "--client-addr", "127.0.0.1:0")
	coordinator.Env = append(coordinator.Env, "STRONGROOM_PCCS_URL=http://"+pccs[1])
	ports := begin(t, coordinator, regexp.MustCompile(` ready .*client-port=(\d+) mesh-port=(\d+)`))
	s.client, s.mesh = "localhost:"+ports[1], "localhost:"+ports[2]
	return s
}

// marble is this program, in an enclave, with Gramine's files; `more` goes to its argv, which is measured.
func (s *stage) marble(t *testing.T, verb, kind string, more ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	arguments := []string{verb}
	switch verb {
	case "measure":
		arguments = append(arguments, "--json")
	case "run":
		arguments = append(arguments, "--gramine-files", "/dev/attestation")
	}
	arguments = append(arguments, "--env", marbleVariable+"=1", "--env", "EDG_MARBLE_TYPE="+kind,
		"--env", "EDG_MARBLE_UUID_FILE=/uuid", "--host-env", "EDG_MARBLE_COORDINATOR_ADDR", "--", self)
	command := s.simtee(t, append(arguments, more...)...)
	command.Env = append(command.Env, "EDG_MARBLE_COORDINATOR_ADDR="+s.mesh)
	return command
}

func (s *stage) measure(t *testing.T, kind string) string {
	t.Helper()
	var identity struct{ UniqueID string }
	if err := json.Unmarshal([]byte(output(t, s.marble(t, "measure", kind))), &identity); err != nil {
		t.Fatal(err)
	}
	return identity.UniqueID
}

// user makes a key and a certificate of its own, as MarbleRun's users have them.
func user(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func pemOf(certificate *tls.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}))
}

func certificates(t *testing.T, text string) (out []*x509.Certificate) {
	t.Helper()
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, certificate)
	}
	if len(out) < 2 {
		t.Fatalf("%d certificates, wanted leaf and intermediate", len(out))
	}
	return out
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
