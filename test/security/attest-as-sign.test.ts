/**
 * A caller that may attest and not sign, who attests what verifiers take for a plain signature.
 *
 * @packageDocumentation
 */
import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const ATTEST_ONLY = 'permit (principal, action == Action::"attest", resource);'

/** Starts a service; answers what an attestation of a type comes to. */
async function start(): Promise<(predicateType: string) => Promise<object>> {
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' } },
    policies: ATTEST_ONLY,
  })
  const { address } = await runServer(folder)
  return async (predicateType) => {
    const response = await fetch(`${address}/v1/keys/release/attestations`, {
      method: 'POST',
      headers: { authorization: folder.authorization, 'content-type': 'application/json' },
      body: JSON.stringify({
        subjects: [{ name: 'app', digest: `sha256:${hash('sha256', 'a program')}` }],
        predicateType,
        predicate: {},
      }),
    })
    const { code } = (await response.json()) as { code?: string }
    return { status: response.status, code }
  }
}

test('a caller that may only attest makes no plain signature, however its type is written', async () => {
  const attest = await start()

  const types = [
    'https://sigstore.dev/cosign/sign/v1',
    'https://sigstore.dev/cosign/sign/v2',
    'https://sigstore.dev/cosign/sign',
    'HTTPS://Sigstore.DEV/cosign/sign/v1',
    'http://sigstore.dev/cosign/sign/v1',
    'https://sigstore.dev:443/cosign/sign/v1',
    'https://sigstore.dev./cosign/sign/v1/',
    'https://sigstore.dev//cosign/./sign/v1',
    'https://sigstore.dev/x/../cosign/sign/v1',
    'https://sigstore.dev/cosign/%73ign/v1',
    'https://sigstore.dev/cosign%252Fsign/v1',
    'https://sigstore.dev/cosign/sign/v1?',
    'https://sigstore.dev/cosign/sign/v1#x',
    'https://x@sigstore.dev/cosign/sign/v1',
    'https:\\\\sigstore.dev\\cosign\\sign\\v1',
  ]
  for (const type of types) {
    expect(await attest(type), type).toEqual({ status: 403, code: 'ERR_NOT_ALLOWED' })
  }
})

test('a caller that may attest may use types that only resemble that of signatures', async () => {
  const attest = await start()

  for (const type of [
    'https://cosign.sigstore.dev/attestation/v1',
    'https://sigstore.dev/cosign/signed-off/v1',
    'https://example.com/cosign/sign/v1',
  ]) {
    expect(await attest(type), type).toEqual({ status: 200, code: undefined })
  }
})
