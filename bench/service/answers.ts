/** Whether answers are what they should be: a rate of answers that do not verify tells nothing. */
import { randomUUID, verify } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { readBatch, readSignatures, readToken } from '../../src/client/service-answers.ts'
import { parseDigest } from '../../src/crypto/digest.ts'
import { parsePublicKeyPem } from '../../src/crypto/public-key.ts'
import { type JsonObject, parseJson } from '../../src/formats/json.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { ISSUER } from './callers.ts'
import type { Load } from './load.ts'
import { headersOf, type LoadRequest, readRequests } from './request-lines.ts'

/** Checks one answer; throws where it is wrong. */
export type AnswerCheck = (answer: JsonObject, request: LoadRequest, server: string) => unknown

const SAMPLES = 3

/**
 * Sends the first requests of a load once, and checks every signature in the answers.
 *
 * @returns the load, which from now on fails where its answers are smaller than these
 * @throws Error — an answer is a refusal, or one of its signatures does not verify
 */
export async function checkLoad(load: Load, check: AnswerCheck): Promise<Load> {
  const sizes: number[] = []
  for (const request of readRequests(load.requestsPath).slice(0, SAMPLES)) {
    for (const address of load.addresses) {
      const { body, method, path } = request
      const headers = headersOf(request, randomUUID)
      const response = await fetch(new URL(path, address), { method, headers, body })
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (!response.ok) throw new Error(`${path}: ${response.status} ${String(bytes)}`)
      const answer = parseJson(bytes, { maxBytes: bytes.length, maxDepth: 32 }) as JsonObject
      await check(answer, request, address)
      sizes.push(bytes.length)
    }
  }
  return { ...load, answerBytes: sizes.reduce((sum, size) => sum + size, 0) / sizes.length }
}

/** Checks answers of the service with the keys that it publishes. */
export const checkOurs: AnswerCheck = async (answer, { body = '', path }, server) => {
  if (path.endsWith('/tokens')) {
    const { audience } = JSON.parse(body) as { readonly audience: string }
    const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', server))
    await jwtVerify(readToken(answer).token, keys, { issuer: ISSUER, audience })
    return
  }
  const { artifacts } = JSON.parse(body) as { readonly artifacts: { readonly digest: string }[] }
  const digests = artifacts.map(({ digest }) => digest)
  const read = path.endsWith('/batches') ? readBatch : readSignatures
  const { kid, results } = read(answer, digests)
  const page = await fetch(new URL(`/keys/${kid}.pem`, server))
  const key = parsePublicKeyPem(await page.text())
  for (const result of results) {
    if ('error' in result) throw result.error
    if (!('bundle' in result)) throw new Error('expected a bundle, got an older signature')
    await verifyBundle(
      Buffer.from(JSON.stringify(result.bundle)),
      digestArtifact('artifact', [parseDigest(result.digest)]),
      { trust: { keys: [pinKey(key)] }, policy: SIGNATURE_POLICY, now: new Date() },
    )
  }
}

/** Checks answers of OpenBao's transit engine with its public keys. */
export function checkTransit(publicKeys: Readonly<Record<string, string>>): AnswerCheck {
  return ({ data }, { body = '', path }) => {
    const key = publicKeys[path.split('/').at(-1) ?? ''] ?? ''
    const asked = JSON.parse(body) as TransitItem & { readonly batch_input?: TransitItem[] }
    const got = data as unknown as TransitResult & { readonly batch_results?: TransitResult[] }
    const results = got.batch_results ?? [got]
    const items = asked.batch_input ?? [asked]
    if (results.length !== items.length) throw new Error('OpenBao leaves out signatures')
    for (const [place, item] of items.entries()) assertSigned(item, results[place], key)
  }
}

function assertSigned(
  { input }: TransitItem,
  result: TransitResult | undefined,
  key: string,
): void {
  const signature = Buffer.from(result?.signature?.split(':').at(-1) ?? '', 'base64')
  if (verify('sha256', Buffer.from(input, 'base64'), key, signature)) return
  throw new Error('a signature by OpenBao does not verify')
}

interface TransitItem {
  readonly input: string
}

interface TransitResult {
  readonly signature?: string
}
