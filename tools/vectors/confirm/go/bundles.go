package main

import (
	"crypto"
	"crypto/x509"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

// judgeBundle trusts one key at all times, whatever hint a bundle has, and demands neither a log nor a time.
func judgeBundle(task Task) *bool {
	public, err := x509.ParsePKIXPublicKey(unhex(task.Spki))
	if err != nil {
		return verdict(false)
	}
	loaded, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return verdict(false)
	}
	key := root.NewExpiringKey(loaded, time.Time{}, time.Time{})
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return key, nil
	})
	verifier, err := verify.NewVerifier(material, verify.WithNoObserverTimestamps())
	if err != nil {
		return verdict(false)
	}
	var signed bundle.Bundle
	if err := signed.UnmarshalJSON([]byte(task.Data)); err != nil {
		return verdict(false)
	}
	policy := verify.NewPolicy(verify.WithArtifactDigest("sha256", unhex(task.Artifact)), verify.WithKey())
	_, err = verifier.Verify(&signed, policy)
	return verdict(err == nil)
}
