package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

func unhex(text string) []byte {
	bytes, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return bytes
}

func judgeSignature(task Task) *bool {
	key, err := x509.ParsePKIXPublicKey(unhex(task.Spki))
	if err != nil {
		return verdict(false)
	}
	message, signature := unhex(task.Message), unhex(task.Signature)
	if public, ok := key.(ed25519.PublicKey); ok {
		return verdict(ed25519.Verify(public, message, signature))
	}
	hash := hashes[task.Algorithm[2:]]
	hasher := hash.New()
	hasher.Write(message)
	digest := hasher.Sum(nil)
	switch public := key.(type) {
	case *ecdsa.PublicKey:
		return verdict(verifyECDSA(public, task.Form, digest, signature))
	case *rsa.PublicKey:
		if task.Algorithm[:2] == "RS" {
			return verdict(rsa.VerifyPKCS1v15(public, hash, digest, signature) == nil)
		}
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		return verdict(rsa.VerifyPSS(public, hash, digest, signature, options) == nil)
	}
	return nil
}

func verifyECDSA(public *ecdsa.PublicKey, form string, digest, signature []byte) bool {
	if form == "der" {
		return ecdsa.VerifyASN1(public, digest, signature)
	}
	size := (public.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(public, digest, r, s)
}

// judgePublicKey says whether the input is read as a key; how strong it must be is for each verifier to say.
func judgePublicKey(task Task) *bool {
	switch task.Form {
	case "der":
		return verdict(isKey(x509.ParsePKIXPublicKey(unhex(task.Data))))
	case "pem":
		block, _ := pem.Decode([]byte(task.Data))
		if block == nil || block.Type != "PUBLIC KEY" {
			return verdict(false)
		}
		return verdict(isKey(x509.ParsePKIXPublicKey(block.Bytes)))
	case "certificate":
		certificate, err := x509.ParseCertificate(unhex(task.Data))
		return verdict(err == nil && isKey(certificate.PublicKey, nil))
	case "jwk":
		var jwk jose.JSONWebKey
		err := jwk.UnmarshalJSON([]byte(task.Data))
		return verdict(err == nil && jwk.Valid() && isKey(jwk.Key, nil))
	}
	return nil
}

func isKey(key any, err error) bool {
	switch key.(type) {
	case *ecdsa.PublicKey, *rsa.PublicKey, ed25519.PublicKey:
		return err == nil
	}
	return false
}
