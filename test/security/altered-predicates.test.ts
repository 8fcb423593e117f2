/**
 * Predicates whose numbers a parser rounds or writes in another way: what is signed is what was given, digit
 * by digit, or nothing is.
 *
 * @packageDocumentation
 */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { type SigningService, startSigningService } from '../support/signing-service.ts'

const DIGEST = digestOf(Buffer.from('a program'))
const TYPE = 'https://example.com/measurements/v1'

/** Numbers that JSON.parse and JSON.stringify together do not give back as they were. */
const NUMBERS = [
  '1.10',
  '7.0',
  '1E+2',
  '-0',
  '1e-400',
  '0.12345678901234567890',
  '1.00000000000000000001',
  '9007199254740991.0',
]

/** Numbers that readers round to another. */
const BEYOND = [
  ['12345678901234567890', 'ERR_PREDICATE_INVALID'],
  ['9007199254740993', 'ERR_PREDICATE_INVALID'],
  ['1e300', 'ERR_PREDICATE_INVALID'],
  ['1e400', 'ERR_JSON_INVALID'],
  ['-1e400', 'ERR_JSON_INVALID'],
] as const

interface Answer {
  readonly code?: string
  readonly bundle?: { readonly dsseEnvelope: { readonly payload: string } }
}

/** Sends the very text of a predicate, as another client would. */
async function post({ url, env }: SigningService, body: string): Promise<Answer> {
  const response = await fetch(`${url}/v1/keys/release/attestations`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${env['COUNTERSIGN_TOKEN'] ?? ''}`,
      'content-type': 'application/json',
    },
    body,
  })
  return (await response.json()) as Answer
}

function bodyWith(predicate: string, name = '"predicate"'): string {
  const subjects = JSON.stringify([{ digest: DIGEST, name: 'app' }])
  return `{${name} : ${predicate} ,"predicateType":"${TYPE}","subjects":${subjects}}`
}

const payloadOf = (text: string): string => {
  const { dsseEnvelope } = JSON.parse(text) as NonNullable<Answer['bundle']>
  return Buffer.from(dsseEnvelope.payload, 'base64').toString()
}

test('a service signs the numbers of a predicate as its caller wrote them', async () => {
  const service = await startSigningService()

  for (const number of NUMBERS) {
    const predicate = `{"a": [${number}], "b\\u0022}": {"predicate": ${number}}}`
    const { bundle } = await post(service, bodyWith(predicate))
    expect(payloadOf(JSON.stringify(bundle))).toContain(`"predicate":${predicate}}`)
  }
  const escaped = await post(service, bodyWith('{"a":1.10}', String.raw`"predic\u0061te"`))
  expect(payloadOf(JSON.stringify(escaped.bundle))).toContain('"predicate":{"a":1.10}}')
})

test('a service signs no number that readers would interpret differently', async () => {
  const service = await startSigningService()

  for (const [number, code] of BEYOND) {
    const answer = await post(service, bodyWith(`{"a":[{"b":${number}}]}`))
    expect(answer).toMatchObject({ code })
    expect(answer.bundle).toBeUndefined()
  }
})

test('the command line has a service sign the numbers of a file', async () => {
  const { folder, run } = await startSigningService()
  folder.write('app', 'a program')
  const predicate = `{"a":[${NUMBERS.join(',')}],"b":" 1.10 \\" {"}`
  folder.write('p.json', predicate.replaceAll(',', ' ,\n\t'))

  const result = await run(`attest @app --key release --type ${TYPE} --predicate @p.json`)

  expect(result.exitCode).toBe(0)
  const bundle = readFileSync(folder.path('app.sigstore.json'), 'utf8')
  expect(payloadOf(bundle)).toContain(`"predicate":${predicate}}`)
})

test('the command line refuses an attestation whose numbers a service rewrote', async () => {
  const { folder, run } = await startSigningService()
  folder.write('app', 'a program')
  folder.write('p.json', '{"a":1.10}')
  // A service, or what stands before it, that parses and writes again.
  const rewriting: typeof fetch = (url, init) =>
    fetch(url, { ...init, ...(typeof init?.body === 'string' && { body: rewrite(init.body) }) })

  const line = `attest @app --key release --type ${TYPE} --predicate @p.json`
  const result = await run(line, { fetch: rewriting })

  expect(result.stderr).toContain('[ERR_PREDICATE_INVALID]')
  expect(existsSync(folder.path('app.sigstore.json'))).toBe(false)
})

function rewrite(json: string): string {
  return JSON.stringify(JSON.parse(json))
}
