package main

import (
	"crypto/x509"
	"encoding/json"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Those of the sets' tokens.
var setAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.PS384, jose.EdDSA}

func judgeJWS(task Task) *bool {
	// The name of RFC 9864 is not known to go-jose.
	if task.Algorithm == "Ed25519" {
		return nil
	}
	algorithms := []jose.SignatureAlgorithm{jose.SignatureAlgorithm(task.Algorithm)}
	token, err := jose.ParseSignedCompact(task.Data, algorithms)
	if err != nil {
		return verdict(false)
	}
	key, err := x509.ParsePKIXPublicKey(unhex(task.Spki))
	if err != nil {
		return verdict(false)
	}
	_, err = token.Verify(key)
	return verdict(err == nil)
}

// judgeJWKS leaves tokens without a kid out: go-jose does not look for their key.
func judgeJWKS(task Task) *bool {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(task.Set), &set); err != nil {
		return verdict(false)
	}
	token, err := jose.ParseSignedCompact(task.Token, setAlgorithms)
	if err != nil {
		return verdict(false)
	}
	if token.Signatures[0].Header.KeyID == "" {
		return nil
	}
	_, err = token.Verify(&set)
	return verdict(err == nil)
}

func judgeJWT(task Task) *bool {
	token, err := jwt.ParseSigned(task.Data, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return verdict(false)
	}
	key, err := x509.ParsePKIXPublicKey(unhex(task.Spki))
	if err != nil {
		return verdict(false)
	}
	now, err := time.Parse(time.RFC3339, task.Now)
	if err != nil {
		return verdict(false)
	}
	var claims jwt.Claims
	if err := token.Claims(key, &claims); err != nil {
		return verdict(false)
	}
	expected := jwt.Expected{Issuer: task.Issuer, AnyAudience: jwt.Audience{task.Audience}, Time: now}
	return verdict(claims.ValidateWithLeeway(expected, time.Minute) == nil)
}
