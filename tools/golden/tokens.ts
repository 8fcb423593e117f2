/** Tokens of every algorithm, and the key set that verifies them. */
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import { issueToken } from '../../src/signing/issue-token.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { GOLDEN_FILES, GOLDEN_NOW, GOLDEN_TOKENS } from '../../test/support/golden/documents.ts'
import { goldenSigners, type Made, type MadeFile, toJsonText } from './release.ts'

/** Makes a token for each algorithm. */
export function makeTokens(): Promise<readonly Made[]> {
  return Promise.all(goldenSigners('token').map((signer) => makeToken(signer, 'tokens')))
}

/** Makes a token by a key. */
export async function makeToken(signer: Signer, folder: string): Promise<Made> {
  const title = signer.key.algorithm.name
  const { audience, issuer } = GOLDEN_TOKENS
  const { token } = await issueToken(
    signer,
    { audience, lifetimeSeconds: 600, claims: { sub: 'repo:octo/app' } },
    { maxLifetimeSeconds: 3600, claims: FREE_CLAIMS },
    { issuer, now: GOLDEN_NOW, jti: `jti-${title}` },
  )
  return { kind: 'token', path: `${folder}/${title}.jwt`, title, algorithm: title, bytes: token }
}

/** The key set. */
export function makeKeySet(): MadeFile {
  const keys = goldenSigners('token').map(({ key }) => ({
    ...serializePublicKeyJwk(key),
    use: 'sig',
  }))
  return { path: GOLDEN_FILES.jwks, bytes: toJsonText({ keys }) }
}
