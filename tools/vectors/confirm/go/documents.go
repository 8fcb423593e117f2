package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"

	"github.com/distribution/reference"
	attestation "github.com/in-toto/attestation/go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	pkcs11uri "github.com/stefanberger/go-pkcs11uri"
	"google.golang.org/protobuf/encoding/protojson"
)

func judgePAE(task Task) *bool {
	encoded := dsse.PAE(task.Type, unhex(task.Payload))
	return verdict(bytes.Equal(encoded, unhex(task.PAE)))
}

type ecdsaVerifier struct{ key *ecdsa.PublicKey }

func (v ecdsaVerifier) Verify(_ context.Context, data, sig []byte) error {
	digest := sha256.Sum256(data)
	if ecdsa.VerifyASN1(v.key, digest[:], sig) {
		return nil
	}
	return errors.New("the signature does not verify")
}

// The id that the vectors give to the key.
func (v ecdsaVerifier) KeyID() (string, error)   { return "one", nil }
func (v ecdsaVerifier) Public() crypto.PublicKey { return v.key }

func judgeEnvelope(task Task) *bool {
	key, err := x509.ParsePKIXPublicKey(unhex(task.Spki))
	if err != nil {
		return verdict(false)
	}
	verifier, err := dsse.NewEnvelopeVerifier(ecdsaVerifier{key.(*ecdsa.PublicKey)})
	if err != nil {
		return verdict(false)
	}
	var envelope dsse.Envelope
	if err := json.Unmarshal([]byte(task.Data), &envelope); err != nil {
		return verdict(false)
	}
	_, err = verifier.Verify(context.Background(), &envelope)
	return verdict(err == nil)
}

func judgeStatement(task Task) *bool {
	var statement attestation.Statement
	if err := protojson.Unmarshal([]byte(task.Data), &statement); err != nil {
		return verdict(false)
	}
	return verdict(statement.Validate() == nil)
}

func judgeImageReference(task Task) *bool {
	_, err := reference.Parse(task.Data)
	return verdict(err == nil)
}

func judgeDigest(task Task) *bool {
	return verdict(digest.Digest(task.Data).Validate() == nil)
}

func judgePKCS11URI(task Task) *bool {
	uri := pkcs11uri.New()
	return verdict(uri.Parse(task.Data) == nil)
}
