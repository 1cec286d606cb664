// A mutating webhook that does nothing but answer: the least that any webhook in Go costs, to compare ours with.
//
// usage: noop ADDRESS CERTIFICATE KEY   (PEM files)
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
)

// What must be read of an AdmissionReview v1 to answer it; the object is decoded, as every webhook has to.
type request struct {
	UID    string         `json:"uid"`
	Object map[string]any `json:"object"`
}

type response struct {
	UID       string  `json:"uid"`
	Allowed   bool    `json:"allowed"`
	PatchType *string `json:"patchType,omitempty"`
	Patch     []byte  `json:"patch,omitempty"`
}

type review struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Request    *request  `json:"request,omitempty"`
	Response   *response `json:"response,omitempty"`
}

var (
	patchType = "JSONPatch"
	patch     = []byte(`[{"op":"add","path":"/metadata/annotations","value":{"noop":"yes"}}]`)
)

func mutate(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<20))
	var in review
	if err != nil || json.Unmarshal(body, &in) != nil || in.Request == nil {
		http.Error(w, "wanted an AdmissionReview", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review{in.APIVersion, in.Kind, nil, &response{in.Request.UID, true, &patchType, patch}})
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: noop ADDRESS CERTIFICATE KEY")
	}
	http.HandleFunc("POST /mutate", mutate)
	http.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServeTLS(os.Args[1], os.Args[2], os.Args[3], nil))
}
