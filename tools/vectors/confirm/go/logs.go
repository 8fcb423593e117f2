package main

import (
	"encoding/base64"
	"strings"

	"github.com/transparency-dev/formats/log"
	cosigned "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

// newVerifier knows the keys of logs (type 1) and those of witnesses (type 4), each by its own library.
func newVerifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if key, err := base64.StdEncoding.DecodeString(parts[len(parts)-1]); err == nil && len(key) > 0 && key[0] == 4 {
		return cosigned.NewVerifierForCosignatureV1(vkey)
	}
	return note.NewVerifier(vkey)
}

func judgeNoteKey(task Task) *bool {
	_, err := newVerifier(task.Data)
	return verdict(err == nil)
}

func judgeNote(task Task) *bool {
	message, err := base64.StdEncoding.DecodeString(task.Data)
	if err != nil {
		return verdict(false)
	}
	verifiers := make([]note.Verifier, len(task.Keys))
	for index, vkey := range task.Keys {
		if verifiers[index], err = newVerifier(vkey); err != nil {
			return verdict(false)
		}
	}
	_, err = note.Open(message, note.VerifierList(verifiers...))
	return verdict(err == nil)
}

func judgeCheckpoint(task Task) *bool {
	var checkpoint log.Checkpoint
	_, err := checkpoint.Unmarshal([]byte(task.Data))
	return verdict(err == nil)
}

func hashesOf(text string) [][]byte {
	hashes := [][]byte{}
	for _, hash := range strings.Fields(text) {
		hashes = append(hashes, unhex(hash))
	}
	return hashes
}

func judgeInclusion(task Task) *bool {
	leaf := unhex(task.Leaf)
	if len(leaf) != rfc6962.DefaultHasher.Size() {
		return verdict(false)
	}
	err := proof.VerifyInclusion(rfc6962.DefaultHasher, task.Index, task.Size, leaf, hashesOf(task.Proof), unhex(task.Root))
	return verdict(err == nil)
}

func judgeConsistency(task Task) *bool {
	err := proof.VerifyConsistency(rfc6962.DefaultHasher, task.From, task.To, hashesOf(task.Proof), unhex(task.FromRoot), unhex(task.ToRoot))
	return verdict(err == nil)
}
