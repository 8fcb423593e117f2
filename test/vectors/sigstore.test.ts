import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseDigest } from '../../src/crypto/digest.ts'
import { parsePublicKeyPem } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { type Artifact, contentArtifact, digestArtifact } from '../../src/verification/artifact.ts'
import { type Policy, SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { describeVectors, readVectorJson, vectorPath } from '../support/vectors.ts'

const NOW = new Date('2026-11-22T00:00:00Z')

interface Verification {
  readonly bundle: string
  readonly root: string
  readonly key?: string | undefined
  readonly identity?: string | undefined
  readonly issuer?: string | undefined
  readonly demand?: Policy['evidence']
}

/** `accepted`, or the code of the refusal; anything but a CountersignError is a failure. */
async function verdict(verification: Verification, artifact: Artifact): Promise<string> {
  const { bundle, root, key, identity, issuer, demand } = verification
  try {
    const trustedRoot = await parseTrustedRoot(readFileSync(root))
    const keys = key === undefined ? [] : [pinKey(parsePublicKeyPem(readFileSync(key, 'utf8')))]
    const wanted =
      identity === undefined || issuer === undefined
        ? undefined
        : { subjectAlternativeName: identity, issuer }
    const policy: Policy = {
      ...SIGNATURE_POLICY,
      predicateTypes: 'any',
      identity: wanted,
      evidence: demand ?? SIGNATURE_POLICY.evidence,
    }
    await verifyBundle(readFileSync(bundle), artifact, {
      trust: { keys, trustedRoot },
      policy,
      now: NOW,
    })
    return 'accepted'
  } catch (error) {
    if (CountersignError.is(error)) return error.code
    throw error
  }
}

const file = (path: string): Artifact => contentArtifact(path, () => createReadStream(path))
const digest = (text: string): Artifact => digestArtifact(text, [parseDigest(text)])

interface Conformance {
  readonly cases: readonly ConformanceCase[]
  readonly supplementary_cases: readonly ConformanceCase[]
}
interface ConformanceCase {
  readonly id: string
  readonly expect: 'pass' | 'fail'
  readonly args_offline: readonly string[]
  readonly file: string
  readonly digest?: string
}

describeVectors('sigstore-conformance', () => {
  const { cases, supplementary_cases } = readVectorJson<Conformance>(
    'sigstore-conformance/cases.json',
  )
  const at = (path: string): string => vectorPath(`sigstore-conformance/${path}`)
  const option = (args: readonly string[], name: string): string | undefined => {
    const index = args.indexOf(name)
    return index === -1 ? undefined : args[index + 1]
  }
  const toVerification = ({ args_offline: args }: ConformanceCase): Verification => {
    const key = option(args, '--key')
    return {
      bundle: at(option(args, '--bundle') ?? ''),
      root: at(option(args, '--trusted-root') ?? 'trusted_root.public-good.json'),
      key: key === undefined ? undefined : at(key),
      identity: option(args, '--certificate-identity'),
      issuer: option(args, '--certificate-oidc-issuer'),
      demand: { logEntries: 1, times: 1 },
    }
  }
  const runs = [...cases, ...supplementary_cases].flatMap((item) => [
    { ...item, form: 'file', artifact: file(at(item.file)) },
    ...(item.digest === undefined
      ? []
      : [{ ...item, form: 'digest', artifact: digest(item.digest) }]),
  ])

  test.each(runs)('$id by $form: $expect', async (run) => {
    const found = await verdict(toVerification(run), run.artifact)
    if (run.expect === 'pass') expect(found).toBe('accepted')
    else expect(found).toMatch(/^ERR_(?!INTERNAL)/)
  })
})

interface RealBundle {
  readonly id: string
  readonly bundle: string
  readonly trusted_root: string
  readonly key?: string
  readonly identity?: string
  readonly issuer?: string
  readonly artifact: string | null
  readonly subjects?: readonly { readonly digest: Readonly<Record<string, string>> }[]
  readonly expect: 'pass' | 'fail'
}

describeVectors('sigstore-bundles', () => {
  const { cases } = readVectorJson<{ cases: readonly RealBundle[] }>('sigstore-bundles/cases.json')
  const at = (path: string): string => vectorPath(`sigstore-bundles/${path}`)
  // Its payload is plain text: without a statement nothing binds it to an artifact.
  const unbound = new Set(['js-v1-dsse-intoto'])
  test.each(cases)('$id: $expect', async (item) => {
    const [subject] = Object.entries(item.subjects?.[0]?.digest ?? { sha256: 'ab'.repeat(32) })
    const artifact =
      item.artifact === null ? digest(subject?.join(':') ?? '') : file(at(item.artifact))
    const root = at(item.trusted_root)
    expect(existsSync(root)).toBe(true)
    const found = await verdict(
      {
        bundle: at(item.bundle),
        root,
        key: item.key === undefined ? undefined : at(item.key),
        identity: item.identity,
        issuer: item.issuer,
      },
      artifact,
    )
    if (unbound.has(item.id)) expect(found).toBe('ERR_STATEMENT_INVALID')
    else if (item.expect === 'pass') expect(found).toBe('accepted')
    else expect(found).toMatch(/^ERR_(?!INTERNAL)/)
  })
})
