package marblerun

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/edgelesssys/ego/marble"
	"github.com/edgelesssys/marblerun/api"
	"github.com/edgelesssys/marblerun/api/rest"
	"github.com/edgelesssys/marblerun/coordinator/manifest"
	"github.com/edgelesssys/marblerun/marble/premain"
	"github.com/spf13/afero"
)

// What a marble says it was given.
type told struct {
	Arguments []string
	Variable  string            // a secret among the environment
	Files     map[string]string // path to content
	Chain     string            // of its certificate, PEM
}

// playMarble is what a marble's main function does with MarbleRun's library; it says on standard output what it got.
func playMarble() int {
	host, enclave := afero.NewMemMapFs(), afero.NewMemMapFs()
	if err := premain.PreMainEx(premain.GramineQuoteIssuer{}, premain.GramineActivate, host, enclave); err != nil {
		fmt.Fprintln(os.Stderr, "premain:", err)
		return 1
	}
	if err := talkToItself(); err != nil {
		fmt.Fprintln(os.Stderr, "mutual TLS:", err)
		return 1
	}
	said := told{Arguments: os.Args, Variable: os.Getenv("TOKEN"), Files: map[string]string{},
		Chain: os.Getenv(marble.MarbleEnvironmentCertificateChain)}
	for _, name := range []string{"/etc/frontend/plain", "/etc/frontend/key.pem", "/etc/frontend/uploaded"} {
		content, err := afero.ReadFile(enclave, name)
		if err != nil {
			fmt.Fprintln(os.Stderr, "file:", err)
			return 1
		}
		said.Files[path.Base(name)] = string(content)
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		return 1
	}
	return 0
}

// talkToItself proves that key, chain and root of the environment make mutual TLS between marbles.
func talkToItself() error {
	config, err := marble.GetTLSConfig(true)
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		connection, err := listener.Accept()
		if err == nil {
			_, err = connection.Write([]byte("hello"))
			connection.Close()
		}
		served <- err
	}()
	ours := config.Clone()
	ours.ServerName = "localhost"
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", listener.Addr().String(), ours)
	if err != nil {
		return err
	}
	defer connection.Close()
	heard, err := io.ReadAll(connection)
	if err == nil && string(heard) != "hello" {
		err = fmt.Errorf("heard %q", heard)
	}
	return errors.Join(err, <-served)
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (s *stage) manifest(t *testing.T, owner *tls.Certificate, frontend string) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"Packages": map[string]any{"frontend": map[string]any{"UniqueID": frontend, "TrustAnchors": []string{s.anchor}}},
		"Marbles": map[string]any{"frontend": map[string]any{"Package": "frontend", "Parameters": map[string]any{
			"Argv": []string{"./frontend", "--serve"},
			"Env":  map[string]any{"TOKEN": "{{ hex .Secrets.token }}"},
			"Files": map[string]any{
				"/etc/frontend/plain":    "text",
				"/etc/frontend/key.pem":  "{{ pem .Secrets.cert.Private }}",
				"/etc/frontend/uploaded": "{{ raw .Secrets.uploaded }}"},
		}}},
		"Secrets": map[string]any{
			"token":    map[string]any{"Type": "symmetric-key", "Size": 128, "Shared": true},
			"cert":     map[string]any{"Type": "cert-ecdsa", "Size": 256, "Shared": true, "ValidFor": 7},
			"uploaded": map[string]any{"Type": "plain", "UserDefined": true}},
		"Users": map[string]any{"owner": map[string]any{"Certificate": pemOf(owner), "Roles": []string{"keeper", "reader"}}},
		"Roles": map[string]any{
			"keeper": map[string]any{"ResourceType": "Secrets", "ResourceNames": []string{"uploaded"},
				"Actions": []string{"ReadSecret", "WriteSecret"}},
			"reader": map[string]any{"ResourceType": "Secrets", "ResourceNames": []string{"token"},
				"Actions": []string{"ReadSecret"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func expectStatus(t *testing.T, err error, want int) {
	t.Helper()
	var failed *rest.RequestFailedError
	if !errors.As(err, &failed) || failed.HTTPStatusCode != want {
		t.Errorf("got %v, wanted HTTP status %d", err, want)
	}
}

// expectUnauthorized: the client has words of its own for 401.
func expectUnauthorized(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "authorizing user: ") {
		t.Errorf("got %v, wanted an error of authorization", err)
	}
}

func TestClientLibraryAndMarble(t *testing.T) {
	s, ctx := newStage(t), limited(t)
	skip := api.VerifyOptions{InsecureSkipVerify: true, Nonce: []byte("nonce")}
	root, intermediate, quote, err := api.VerifyCoordinator(ctx, s.client, skip)
	if err != nil {
		t.Fatal(err)
	}
	if err := intermediate.CheckSignatureFrom(root); err != nil || len(quote) == 0 {
		t.Fatalf("intermediate: %v; quote of %d bytes", err, len(quote))
	}
	expectState := func(want int) {
		t.Helper()
		if code, message, err := api.GetStatus(ctx, s.client, root); err != nil || code != want || message == "" {
			t.Fatalf("status: %d %q %v, wanted %d", code, message, err, want)
		}
	}

	expectState(2)
	owner, stranger := user(t, "owner"), user(t, "stranger")
	text := s.manifest(t, owner, s.measure(t, "frontend"))
	_, err = api.ManifestSet(ctx, s.client, root, []byte("{"))
	if err == nil {
		t.Error("a manifest that is no JSON was set")
	}
	if recovery, err := api.ManifestSet(ctx, s.client, root, text); err != nil || len(recovery) != 0 {
		t.Fatalf("manifest: %v %v", recovery, err)
	}
	expectState(3)

	got, fingerprint, signature, err := api.ManifestGet(ctx, s.client, root)
	digest := sha256.Sum256(text)
	if err != nil || string(got) != string(text) || fingerprint != fmt.Sprintf("%x", digest) {
		t.Errorf("manifest: %s %s %v", got, fingerprint, err)
	}
	if !ecdsa.VerifyASN1(root.PublicKey.(*ecdsa.PublicKey), digest[:], signature) {
		t.Error("the manifest's signature is not the root's")
	}
	if _, _, _, err := api.VerifyMarbleRunDeployment(ctx, s.client, skip, text); err != nil {
		t.Error(err)
	}
	if _, _, _, err := api.VerifyMarbleRunDeployment(ctx, s.client, skip, append(text, '\n')); err == nil {
		t.Error("another manifest was verified")
	}

	uploaded := map[string]manifest.UserSecret{"uploaded": {Key: []byte("from the owner")}}
	expectUnauthorized(t, api.SecretSet(ctx, s.client, root, stranger, uploaded))
	if err := api.SecretSet(ctx, s.client, root, owner, uploaded); err != nil {
		t.Fatal(err)
	}
	secrets, err := api.SecretGet(ctx, s.client, root, owner, []string{"uploaded", "token"})
	if err != nil || string(secrets["uploaded"].Public) != "from the owner" || len(secrets["token"].Private) != 16 {
		t.Fatalf("secrets: %v %v", secrets, err)
	}
	_, err = api.SecretGet(ctx, s.client, root, stranger, []string{"uploaded"})
	expectUnauthorized(t, err)

	t.Run("first API", func(t *testing.T) { expectFirstAPI(t, ctx, s, root, fingerprint) })
	t.Run("not there yet", func(t *testing.T) {
		_, _, _, err := api.ManifestUpdateApply(ctx, s.client, root, []byte("{}"), owner)
		expectStatus(t, err, http.StatusNotImplemented)
		_, err = api.ManifestLog(ctx, s.client, root)
		expectStatus(t, err, http.StatusNotImplemented)
		_, _, err = api.SignQuote(ctx, s.client, root, quote)
		expectStatus(t, err, http.StatusForbidden)
	})
	t.Run("marble", func(t *testing.T) { expectMarble(t, s, root, secrets["token"].Private) })
}

func expectFirstAPI(t *testing.T, ctx context.Context, s *stage, root *x509.Certificate, fingerprint string) {
	client, err := rest.NewClient(s.client, root, nil)
	if err != nil {
		t.Fatal(err)
	}
	for endpoint, want := range map[string]string{
		rest.StatusEndpoint: `"StatusCode":3`, rest.ManifestEndpoint: fingerprint, rest.QuoteEndpoint: `"Quote":"AQAAAAIAAA`} {
		if data, err := client.Get(ctx, endpoint, http.NoBody); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %.200s %v, wanted %s in it", endpoint, data, err, want)
		}
	}
	_, err = client.Get(ctx, "nothing", http.NoBody)
	if !rest.IsNotAllowedErr(err) {
		t.Errorf("got %v, wanted what the client takes for an older server", err)
	}
}

func expectMarble(t *testing.T, s *stage, root *x509.Certificate, token []byte) {
	if file, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		fmt.Println("skipped: FUSE may not be mounted here (/dev/fuse), so MarbleRun's marble is not tried")
		t.Skip()
	} else {
		file.Close()
	}
	var said told
	if err := json.Unmarshal([]byte(lastLine(output(t, s.marble(t, "run", "frontend")))), &said); err != nil {
		t.Fatal(err)
	}
	if strings.Join(said.Arguments, " ") != "./frontend --serve" || said.Variable != fmt.Sprintf("%x", token) ||
		said.Files["plain"] != "text" || said.Files["uploaded"] != "from the owner" ||
		!strings.HasPrefix(said.Files["key.pem"], "-----BEGIN PRIVATE KEY-----") {
		t.Errorf("the marble got %+v", said)
	}
	chain := certificates(t, said.Chain)
	intermediates, roots := x509.NewCertPool(), x509.NewCertPool()
	for _, certificate := range chain[1:] {
		intermediates.AddCert(certificate)
	}
	roots.AddCert(root)
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, DNSName: "localhost"}); err != nil {
		t.Error(err)
	}

	for name, command := range map[string]struct {
		kind, word string
	}{"another argument": {"frontend", "--more"}, "another type": {"nobody", ""}} {
		var more []string
		if command.word != "" {
			more = append(more, command.word)
		}
		out, err := s.marble(t, "run", command.kind, more...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "PermissionDenied") || strings.Contains(string(out), "Variable") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
