// Verifies tokens with coreos/go-oidc, one a line, with the one key set cache it has: "accepted", or why not.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	jwksURL, issuer, audience, algorithm := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	ctx := context.Background()
	verifier := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(ctx, jwksURL), &oidc.Config{
		ClientID:             audience,
		SupportedSigningAlgs: []string{algorithm},
	})
	tokens := bufio.NewScanner(os.Stdin)
	for tokens.Scan() {
		if _, err := verifier.Verify(ctx, tokens.Text()); err != nil {
			fmt.Printf("refused: %q\n", err.Error())
		} else {
			fmt.Println("accepted")
		}
	}
}
