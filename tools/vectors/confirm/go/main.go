// Command confirm gives the verdicts of Go's libraries on test vectors: a JSON list of tasks on the standard input,
// a JSON list of true, false, or null (a kind of task that it does not judge) on the standard output. With the
// argument "version" it prints what it is.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime"
)

// Task is one case with the members of its group.
type Task struct {
	Kind      string `json:"kind"`
	Algorithm string `json:"algorithm"`
	Form      string `json:"form"`
	Spki      string `json:"spki"`
	Message   string `json:"message"`
	Signature string `json:"signature"`
	Data      string `json:"data"`
	Set       string `json:"set"`
	Token     string `json:"token"`
	Issuer    string `json:"issuer"`
	Audience  string `json:"audience"`
	Now       string `json:"now"`

	Artifact string   `json:"artifact"`
	Keys     []string `json:"keys"`
	Index    uint64   `json:"index"`
	Size     uint64   `json:"size"`
	From     uint64   `json:"from"`
	To       uint64   `json:"to"`
	Leaf     string   `json:"leaf"`
	Root     string   `json:"root"`
	FromRoot string   `json:"fromRoot"`
	ToRoot   string   `json:"toRoot"`
	Proof    string   `json:"proof"`

	Type    string `json:"type"`
	Payload string `json:"payload"`
	PAE     string `json:"pae"`
}

// A judge says whether an input is accepted; nil where it has no say.
type judge func(task Task) (accepted *bool)

var judges = map[string]judge{
	"signature":       judgeSignature,
	"public-key":      judgePublicKey,
	"jws":             judgeJWS,
	"jwks":            judgeJWKS,
	"jwt":             judgeJWT,
	"note":            judgeNote,
	"note-key":        judgeNoteKey,
	"checkpoint":      judgeCheckpoint,
	"inclusion":       judgeInclusion,
	"consistency":     judgeConsistency,
	"pae":             judgePAE,
	"envelope":        judgeEnvelope,
	"bundle":          judgeBundle,
	"statement":       judgeStatement,
	"image-reference": judgeImageReference,
	"digest":          judgeDigest,
	"pkcs11-uri":      judgePKCS11URI,
}

func verdict(accepted bool) *bool { return &accepted }

func main() {
	log.SetFlags(0)
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(runtime.Version())
		return
	}
	var tasks []Task
	if err := json.NewDecoder(os.Stdin).Decode(&tasks); err != nil {
		log.Fatal(err)
	}
	answers := make([]*bool, len(tasks))
	for index, task := range tasks {
		if judge, ok := judges[task.Kind]; ok {
			answers[index] = judge(task)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}
