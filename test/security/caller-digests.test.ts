/**
 * A caller who may sign one artifact asks for a signature over a digest of their choice, and puts what comes
 * back where it would mean something else.
 */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { ALGORITHMS } from '../../src/crypto/algorithms.ts'
import { fromX509Signature } from '../../src/crypto/der.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import { encodePae } from '../../src/formats/dsse.ts'
import { serializeSimpleSigning } from '../../src/formats/simple-signing.ts'
import { serializeStatement, STATEMENT_PAYLOAD_TYPE } from '../../src/formats/statement.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { findTrustKey } from '../../src/client/trust-pin.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { trustKeyHistory } from '../../src/verification/trust.ts'
import { examineLegacySignature } from '../../src/verification/verify-legacy.ts'
import { createSigningFolder } from '../support/signing-folder.ts'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const EVIL = digestOf(Buffer.from('an artifact that was never built here'))
const PROVENANCE = 'https://slsa.dev/provenance/v1'

/** The caller may sign files called app.tgz, with either key, and nothing else. */
const POLICIES = `
permit (principal, action in [Action::"sign", Action::"signDigest"], resource)
when { context.subject.name == "app.tgz" };
`

interface Made {
  readonly bundle: {
    readonly verificationMaterial: object
    readonly messageSignature?: { readonly signature: string }
    readonly dsseEnvelope?: { readonly signatures: readonly [{ readonly sig: string }] }
  }
}

interface Attacker {
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  readonly post: (path: string, body: object) => Promise<Response>
  /** Has a digest signed as that of `app.tgz`, and keeps the signature and what came with it. */
  readonly steal: (
    key: string,
    signed: Uint8Array,
  ) => Promise<{ readonly signature: string; readonly material: object }>
}

async function startAttack(): Promise<Attacker> {
  const folder = createTempFolder()
  const service = writeServiceFolder({
    folder,
    keys: { release: { use: 'artifact' }, blobs: { use: 'digest' }, sessions: { use: 'token' } },
    policies: POLICIES,
  })
  const { address: url } = await runServer(service, { migrate: true })
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: service.authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return {
    url,
    env: { COUNTERSIGN_HOME: `${folder}/home` },
    post,
    steal: async (key, signed) => {
      const artifacts = [{ digest: digestOf(signed), kind: 'file', name: 'app.tgz' }]
      const answer = await post(`/v1/keys/${key}/signatures`, { artifacts })
      const { results } = (await answer.json()) as { readonly results: readonly [Made] }
      const { bundle } = results[0]
      const signature =
        bundle.messageSignature?.signature ?? bundle.dsseEnvelope?.signatures[0].sig ?? ''
      // The entry of the log says what was signed in truth, so a thief leaves it out.
      return { signature, material: { ...bundle.verificationMaterial, tlogEntries: [] } }
    },
  }
}

const FORGED_STATEMENT = serializeStatement({
  subjects: [{ digest: { sha256: EVIL.slice('sha256:'.length) } }],
  predicateType: PROVENANCE,
  predicate: { buildDefinition: {}, runDetails: { builder: { id: 'https://github.com/runner' } } },
})

async function forgeProvenance(attacker: Attacker, key: string): Promise<object> {
  const pae = encodePae(STATEMENT_PAYLOAD_TYPE, FORGED_STATEMENT)
  const { signature, material } = await attacker.steal(key, pae)
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: material,
    dsseEnvelope: {
      payloadType: STATEMENT_PAYLOAD_TYPE,
      payload: Buffer.from(FORGED_STATEMENT).toString('base64'),
      signatures: [{ keyid: '', sig: signature }],
    },
  }
}

test.each([
  ['release', 'ERR_SIGNATURE_INVALID'],
  ['blobs', 'ERR_KEY_USE_MISMATCH'],
])('the key %s signs no provenance for a digest chosen by a caller', async (key, code) => {
  const attacker = await startAttack()
  const bundle = await forgeProvenance(attacker, key)

  const answer = await attacker.post('/v1/verifications', {
    bundle,
    artifact: { digest: EVIL },
    policy: { predicateTypes: [PROVENANCE] },
  })
  const verdict = await answer.text()
  const folder = createSigningFolder()
  folder.write('forged.json', JSON.stringify(bundle))
  const world = { env: attacker.env, now: new Date() }
  await folder.run(
    `trust init ${attacker.url} --no-input --fingerprint ${await fingerprint(attacker)}`,
    world,
  )
  const verified = await folder.run(
    `verify ${EVIL} --bundle @forged.json --type slsaprovenance1`,
    world,
  )

  expect(verdict).toContain(code)
  expect(verdict).toContain('"ok":false')
  expect(verified.exitCode).not.toBe(0)
  expect(verified.stderr).toContain(`[${code}]`)
})

async function readHistory({ url }: Attacker): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(`${url}/trust/keys.json`)).arrayBuffer())
}

async function fingerprint(attacker: Attacker): Promise<string> {
  const { spki } = findTrustKey(await readHistory(attacker))
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`
}

test.each([
  ['release', 'ERR_KEY_NOT_TRUSTED'],
  ['blobs', 'ERR_KEY_USE_MISMATCH'],
])(
  'the key %s makes no older image signature of a digest that a caller chose',
  async (key, code) => {
    const attacker = await startAttack()
    const payload = serializeSimpleSigning({
      dockerReference: 'registry.example/acme/prod',
      imageDigest: EVIL,
      annotations: { reviewed: 'yes' },
    })
    const { signature } = await attacker.steal(key, payload)
    const history = await readHistory(attacker)
    const keys = trustKeyHistory(parseKeyHistory(history, findTrustKey(history)))

    const outcome = await examineLegacySignature(
      { payload, signature: Buffer.from(signature, 'base64') },
      digestArtifact('registry.example/acme/prod', [EVIL]),
      {
        trust: { keys },
        policy: { ...SIGNATURE_POLICY, annotations: { reviewed: 'yes' } },
        now: new Date(),
      },
    )

    expect(outcome).toMatchObject({ ok: false, error: { code } })
  },
)

test.each([
  ['release', 'ERR_KEY_USE_MISMATCH'],
  ['blobs', 'ERR_KEY_USE_MISMATCH'],
])('the key %s signs no token for a digest chosen by a caller', async (key, code) => {
  const attacker = await startAttack()
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const published = (await (await fetch(`${attacker.url}/trust/keys.json`)).json()) as {
    readonly payload: string
  }
  const { keys } = JSON.parse(Buffer.from(published.payload, 'base64').toString()) as {
    readonly keys: readonly { readonly key: string; readonly kid: string }[]
  }
  const kid = keys.find((one) => one.key === key)?.kid ?? ''
  const header = part({ alg: 'ES256', typ: 'JWT', kid })
  const claims = {
    iss: 'https://sign.example.com',
    aud: 'api',
    sub: 'admin',
    iat: now,
    exp: now + 600,
  }
  const input = `${header}.${part(claims)}`
  const { signature } = await attacker.steal(key, Buffer.from(input))
  const raw = fromX509Signature(ALGORITHMS.ES256, Buffer.from(signature, 'base64'))
  const folder = createSigningFolder()
  folder.write('token', `${input}.${Buffer.from(raw).toString('base64url')}`)
  folder.write('key.pem', await (await fetch(`${attacker.url}/keys/${kid}.pem`)).text())
  const world = { env: attacker.env, now: new Date() }
  await folder.run(
    `trust init ${attacker.url} --no-input --fingerprint ${await fingerprint(attacker)}`,
    world,
  )

  const verified = await folder.run(
    'token verify --token-file @token --key @key.pem --issuer https://sign.example.com --audience api',
    world,
  )

  expect(verified.exitCode).not.toBe(0)
  expect(verified.stderr).toContain(`[${code}]`)
})

test('a key signs for its use only, and refuses every other request', async () => {
  const attacker = await startAttack()
  const image = { digest: EVIL, kind: 'image', name: 'app.tgz' }
  const requests: Readonly<Record<string, readonly [string, object]>> = {
    file: ['signatures', { artifacts: [{ ...image, kind: 'file' }] }],
    image: ['signatures', { artifacts: [image] }],
    annotated: ['signatures', { artifacts: [{ ...image, kind: 'file', annotations: { a: 'b' } }] }],
    legacy: ['signatures', { artifacts: [{ ...image, format: 'legacy', reference: 'app.tgz' }] }],
  }
  const answers: Record<string, readonly (string | number)[]> = {}
  for (const key of ['release', 'blobs', 'sessions']) {
    const own: (string | number)[] = []
    for (const [path, body] of Object.values(requests)) {
      const answer = await attacker.post(`/v1/keys/${key}/${path}`, body)
      const { code } = (await answer.json()) as { readonly code?: string }
      own.push(code ?? answer.status)
    }
    answers[key] = own
  }

  expect(answers).toEqual({
    release: [200, 200, 200, 200],
    blobs: [200, 'ERR_REQUEST_INVALID', 'ERR_REQUEST_INVALID', 'ERR_REQUEST_INVALID'],
    sessions: Object.keys(requests).map(() => 'ERR_KEY_NOT_USABLE'),
  })
})

test('the name in a payload of the older layout is authorized like the name of the artifact', async () => {
  const attacker = await startAttack()
  const artifact = { digest: EVIL, kind: 'image', name: 'app.tgz', format: 'legacy' }

  const answer = await attacker.post('/v1/keys/release/signatures', {
    artifacts: [{ ...artifact, reference: 'registry.example/acme/prod' }],
  })

  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ code: 'ERR_NOT_ALLOWED' })
})
