// Command verify verifies a bundle with sigstore-go, offline, as a program of its users would: the key and the
// trusted root that the signer publishes, an entry in the root's log, and a time by the root's authority.
//
//	verify BUNDLE ROOT KEY ALGORITHM:HEX
//
// KEY is a PEM file; the last argument is the digest of the artifact.
package main

import (
	"crypto"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: verify BUNDLE ROOT KEY ALGORITHM:HEX")
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		log.Fatal(err)
	}
	fmt.Println("verified")
}

func run(bundlePath, rootPath, keyPath, artifact string) error {
	signed, err := bundle.LoadJSONFromPath(bundlePath)
	if err != nil {
		return err
	}
	authorities, err := root.NewTrustedRootFromPath(rootPath)
	if err != nil {
		return err
	}
	key, err := readKey(keyPath)
	if err != nil {
		return err
	}
	material := root.TrustedMaterialCollection{authorities, key}
	verifier, err := verify.NewVerifier(material, verify.WithTransparencyLog(1),
		verify.WithSignedTimestamps(1), verify.WithObserverTimestamps(1))
	if err != nil {
		return err
	}
	algorithm, digits, _ := strings.Cut(artifact, ":")
	digest, err := hex.DecodeString(digits)
	if err != nil {
		return err
	}
	policy := verify.NewPolicy(verify.WithArtifactDigest(algorithm, digest), verify.WithKey())
	_, err = verifier.Verify(signed, policy)
	return err
}

// readKey trusts a key at all times, whatever hint a bundle has.
func readKey(path string) (root.TrustedMaterial, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(pem)
	if err != nil {
		return nil, err
	}
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	key := root.NewExpiringKey(verifier, time.Time{}, time.Time{})
	return root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return key, nil
	}), nil
}
