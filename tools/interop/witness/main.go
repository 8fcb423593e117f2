// Cosignatures of checkpoints, verified by torchwood: witness LOG_VKEY WITNESS_VKEY < NOTE
package main

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: witness LOG_VKEY WITNESS_VKEY < NOTE")
	}
	log, err := note.NewVerifier(args[0])
	if err != nil {
		return err
	}
	witness, err := cosigner(args[1])
	if err != nil {
		return err
	}
	written, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	opened, err := note.Open(written, note.VerifierList(log, witness))
	if err != nil {
		return err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return err
	}
	fmt.Printf("%s %d\n", checkpoint.Origin, checkpoint.N)
	for _, sig := range opened.Sigs {
		fmt.Println(sig.Name)
	}
	return nil
}

// publicKey is a key that signs nothing: torchwood makes its verifiers of signers.
type publicKey struct{ key ed25519.PublicKey }

func (p publicKey) Public() crypto.PublicKey { return p.key }

func (p publicKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("not a private key")
}

func cosigner(vkey string) (*torchwood.CosignatureVerifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed verifier key")
	}
	typed, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(typed) != 1+ed25519.PublicKeySize {
		return nil, errors.New("malformed verifier key")
	}
	signer, err := torchwood.NewCosignatureSigner(parts[0], publicKey{typed[1:]})
	if err != nil {
		return nil, err
	}
	if signer.Verifier().String() != vkey {
		return nil, fmt.Errorf("verifier key is %s here", signer.Verifier())
	}
	return signer.Verifier(), nil
}
