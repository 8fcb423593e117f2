"""Verifies tokens with PyJWT, one a line, with the one key set cache it has: "accepted", or why not."""

import sys

import jwt

jwks_url, issuer, audience, algorithm = sys.argv[1:]
# It asks again for an unknown kid, by itself not within 30 s; a test can't wait for that.
keys = jwt.PyJWKClient(jwks_url, cooldown_duration=0)
for line in sys.stdin:
    token = line.strip()
    try:
        key = keys.get_signing_key_from_jwt(token)
        jwt.decode(token, key, algorithms=[algorithm], audience=audience, issuer=issuer)
        print("accepted", flush=True)
    except jwt.PyJWTError as error:
        print(f"refused: {type(error).__name__} {str(error)!r}", flush=True)
