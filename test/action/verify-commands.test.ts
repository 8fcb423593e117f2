import { expect, test } from 'vitest'
import { parseInputs } from '../../action/inputs.ts'
import type { StepSignature } from '../../action/step-signer.ts'
import type { ActionSubject } from '../../action/subjects.ts'
import {
  needsBundles,
  renderVerifyCommands,
  type Verifiable,
} from '../../action/verify-commands.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import { SIGN_PREDICATE_TYPE } from '../../src/formats/predicates/types.ts'
import { signFileDigest } from '../../src/signing/sign-artifact.ts'
import { testSigner } from '../support/signers.ts'

const DIGEST = digestOf(Buffer.from('content'))
const HEX = DIGEST.slice('sha256:'.length)
/** One of 64 begins so. */
const KID = `-${'k'.repeat(42)}`
const FILE: ActionSubject = { name: 'app', digest: DIGEST }
const IMAGE: ActionSubject = {
  name: 'ghcr.io/acme/app',
  digest: DIGEST,
  image: { registry: 'ghcr.io', repository: 'acme/app' },
}

function render(
  subject: ActionSubject,
  inputs: Readonly<Record<string, string>> = {},
  more: Partial<Verifiable> = {},
): readonly string[] {
  const given = { server: 'https://sign.example.com', key: 'release', ...inputs }
  const env = Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])
  const parsed = parseInputs(Object.fromEntries(env) as Record<string, string>)
  if (parsed.mode !== 'sign' && parsed.mode !== 'attest') throw new TypeError('a mode that signs')
  return renderVerifyCommands({ inputs: parsed, items: [itemOf(subject)], published: [], ...more })
}

function itemOf(subject: ActionSubject, version?: number): StepSignature {
  const key = { kid: KID, name: 'release', version }
  const made = { bundle: undefined, legacy: undefined, predicateType: SIGN_PREDICATE_TYPE }
  return { ...made, subjects: [subject], key }
}

test('an image in a registry is verified there', () => {
  const published = [
    { image: `${IMAGE.name}@${DIGEST}`, format: 'bundle', listedBy: 'api' },
  ] as const
  const key = `--key https://sign.example.com/keys/${KID}.pem`

  expect(render(IMAGE, {}, { published })).toEqual([
    `countersign verify oci://ghcr.io/acme/app@${DIGEST} ${key}`,
    `cosign verify ${key} --insecure-ignore-tlog=true ghcr.io/acme/app@${DIGEST}`,
  ])
})

test('a logged signature is verified by the published trusted root of its service', async () => {
  const bundle = await signFileDigest(testSigner(), DIGEST)
  const { predicateType } = bundle
  const item = {
    ...itemOf(FILE),
    bundle: { ...bundle, parsed: { ...bundle.parsed, logEntries: 1 } },
  }
  const quiet = { ...itemOf(FILE), bundle }
  const kms = { server: '', key: 'awskms:///alias/release' }
  const about = (one: object) => ({ items: [{ ...one, predicateType } as StepSignature] })
  const older = { image: `${IMAGE.name}@${DIGEST}`, format: 'legacy', listedBy: 'api' } as const
  const image = { ...about({ ...item, subjects: [IMAGE] }), published: [older] }

  const [, fetched, verify] = render(FILE, {}, about(item))

  const root = 'https://sign.example.com/trust/trusted-root.json'
  expect(fetched).toBe(`curl -sSfo trusted-root.json ${root}`)
  expect(verify).toContain(' --trusted-root trusted-root.json app')
  expect(verify).not.toContain('insecure')
  // In the older layout, of an algorithm without entries that cosign reads, and of a key that no service logs.
  expect(render(IMAGE, {}, image).at(-1)).toContain('--insecure-ignore-tlog=true')
  expect(render(FILE, {}, about(quiet)).at(-1)).toContain('--insecure-ignore-tlog=true')
  expect(render(FILE, kms, about(item)).at(-1)).toContain('--insecure-ignore-tlog=true')
})

test('an image that was pushed nowhere is verified by its digest and the bundle', () => {
  const [ours = '', cosigns = ''] = render(IMAGE)

  expect(ours).toMatch(`countersign verify ${DIGEST} --bundle bundles.sigstore.json --key `)
  expect(cosigns).toContain(`cosign verify-blob-attestation --type ${SIGN_PREDICATE_TYPE}`)
  expect(cosigns).toMatch(new RegExp(`--digest ${HEX} --digestAlg sha256$`))
})

test('the first of many bundles is taken out for cosign', () => {
  const commands = render(FILE, {}, { items: [itemOf(FILE), itemOf({ ...FILE, name: 'b' })] })

  expect(commands[1]).toBe('head -n 1 bundles.sigstore.json > bundle.sigstore.json')
  expect(commands[2]).toContain(' --bundle bundle.sigstore.json ')
})

test.each([
  ['-rf', './-rf'],
  ["it's; a file", "$'it\\047s\\073 a file'"],
  ['sha256:00', './sha256:00'],
  ['oci://a/b', './oci://a/b'],
])('the file %s is one word and not an option', (name, word) => {
  for (const command of render({ ...FILE, name })) expect(command).toContain(` ${word}`)
})

test('a key in KMS is exported from where it is, or named as its service publishes it', () => {
  const kms = { server: '', key: 'awskms:///alias/release', 'aws-region': 'eu-west-1' }
  const trust = { ...kms, trust: 'https://sign.example.com/' }
  const items = [itemOf(FILE, 3)]

  const [exported, verify] = render(FILE, kms, { items })
  const published = render(FILE, trust, { items })
  const unknown = render(FILE, trust)

  expect(exported).toBe(
    `countersign key export 'awskms:///alias/release?region=eu-west-1' --output ./${KID}.pem`,
  )
  expect(verify).toContain(`--key ./${KID}.pem`)
  expect(published[0]).toContain(`--key https://sign.example.com/keys/${KID}.pem`)
  expect(unknown[0]).toBe(exported)
})

test('a key in KMS is looked for in the region of the job, unless it names its own', () => {
  const region = 'us-east-1'
  const arn = 'arn:aws:kms:eu-west-1:123456789012:alias/release'
  const kms = (key: string) => render(FILE, { server: '', key }, { region })[0]

  expect(kms('awskms:///alias/release')).toContain("'awskms:///alias/release?region=us-east-1'")
  expect(kms(`awskms:///${arn}`)).toContain(` awskms:///${arn} `)
})

test('without outputs there is nothing to verify', () => {
  expect(render(FILE, {}, { items: [] })).toEqual([])
  expect(needsBundles({ items: [], published: [] })).toBe(false)
})
