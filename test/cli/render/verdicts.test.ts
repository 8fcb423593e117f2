import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SigningKeyDocument } from '../../../src/artifacts/artifact-signer.ts'
import type {
  ArtifactDocument,
  AttestationDocument,
  SignerDocument,
} from '../../../src/verification/result.ts'
import { SIGN_PREDICATE_TYPE } from '../../../src/formats/predicates/types.ts'
import type { Terminal } from '../../../cli/terminal/terminal.ts'
import { renderSigned } from '../../../cli/render/sign.ts'
import { renderTokenVerdict } from '../../../cli/render/token.ts'
import { renderFailedLine, sayVerdict } from '../../../cli/render/verify.ts'
import { createEnvironment } from '../../support/cli.ts'

const hex = (length: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`))
const digests = fc.oneof(
  hex(64).map((text) => `sha256:${text}`),
  hex(128).map((text) => `sha512:${text}`),
)
const kids = fc.stringMatching(/^[\w-]{43}$/)
const words = fc.oneof(
  { weight: 20, arbitrary: fc.stringMatching(/^[a-z]{1,12}$/) },
  { weight: 1, arbitrary: digests },
  { weight: 1, arbitrary: kids.map((kid) => `kid ${kid}`) },
)
const sentences = fc.array(words, { minLength: 1, maxLength: 20 }).map((all) => all.join(' '))
const names = fc.oneof(
  fc.stringMatching(/^[a-z]{1,30}\.tgz$/),
  fc.stringMatching(/^oci:\/\/[a-z]{1,20}\.example\/[a-z]{1,70}:v1$/),
)
const types = fc.constantFrom(
  SIGN_PREDICATE_TYPE,
  'https://slsa.dev/provenance/v1',
  'https://cyclonedx.org/bom',
  'https://predicates.example/of-a-length-that-fits-beside-no-value/v1',
  'bare',
)
const times = fc.constantFrom(undefined, '2026-11-22T10:00:00Z')
const signers = fc.oneof(
  fc.record({
    kid: kids,
    algorithm: fc.constantFrom('ES256', 'PS512'),
    name: fc.constantFrom('release', 'a-name-as-long-as-the-longest-of-keys'),
    version: fc.integer({ min: 1, max: 999 }),
    state: fc.constantFrom('active', 'retired'),
    validAtSigning: fc.constant(true as const),
  }),
  kids.map((kid) => ({ kid, algorithm: 'ES256', state: 'pinned', validAtSigning: true as const })),
  fc.constant({
    subjectAlternativeName: 'https://github.com/acme/app/.github/workflows/r.yml@refs/heads/main',
    issuer: 'https://token.actions.githubusercontent.com',
  }),
) satisfies fc.Arbitrary<SignerDocument>

const errors = fc.record({
  code: fc.constantFrom('ERR_DIGEST_MISMATCH' as const, 'ERR_KEY_NOT_TRUSTED' as const),
  message: sentences,
  hint: sentences,
})
const checks = fc.record({
  id: fc.constantFrom('signature' as const, 'predicate-type' as const),
  ok: fc.boolean(),
  expected: sentences,
  actual: sentences,
})

const passed = fc
  .record({ predicateType: types, key: signers, signedAt: times, logEntries: fc.nat({ max: 1 }) })
  .map(({ signedAt, ...one }): AttestationDocument => {
    const time = signedAt === undefined ? {} : { signedAt }
    return { source: 'x', ok: true, checks: [], ...one, ...time }
  })

const verdicts: fc.Arbitrary<ArtifactDocument> = fc
  .record({
    name: names,
    digest: fc.option(digests, { nil: undefined }),
    called: fc.constantFrom('name', 'name@digest', 'digest'),
    good: fc.array(passed, { minLength: 1, maxLength: 3 }),
    error: fc.option(errors, { nil: undefined }),
    checks: fc.array(checks, { maxLength: 3 }),
  })
  .map(({ name, digest, called, good, error, checks: made }) => {
    const ends = { name, 'name@digest': `${name}@${digest ?? ''}`, digest: digest ?? name }
    const artifact = {
      name: digest === undefined ? name : ends[called as 'name'],
      ...(digest === undefined ? {} : { digest }),
    }
    if (error === undefined) return { ...artifact, ok: true, attestations: good }
    // As a mismatch of digests does, the checks name the artifact's own.
    const named = made.map((check) => ({ ...check, actual: digest ?? check.actual }))
    const failed = { source: `${name}.sigstore.json`, ok: false, checks: named, error }
    return { ...artifact, ok: false, attestations: [failed], error }
  })

/** What the parts of a command say on a terminal of 80 columns, in colour and without, and in a pipe. */
function shown(say: (terminal: Terminal) => void): {
  readonly coloured: string
  readonly plain: string
  readonly piped: string
} {
  const worlds = {
    coloured: createEnvironment({ typed: [] }),
    plain: createEnvironment({ typed: [], env: { NO_COLOR: '1' } }),
    piped: createEnvironment(),
  }
  for (const { terminal } of Object.values(worlds)) say(terminal)
  const { coloured, plain, piped } = worlds
  return { coloured: coloured.said(), plain: plain.said(), piped: piped.said() }
}

function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

function expectFitting(say: (terminal: Terminal) => void): void {
  const { coloured, plain, piped } = shown(say)
  expect(stripVTControlCharacters(coloured)).toBe(plain)
  expect(wordsOf(plain)).toEqual(wordsOf(piped))
  for (const line of plain.split('\n')) {
    expect(line.length <= 80 || !line.trim().includes(' '), line).toBe(true)
  }
}

test('a verdict fits 80 columns, but for one long word, and has the same words without colour', () => {
  fc.assert(
    fc.property(verdicts, (artifact) => {
      expectFitting((terminal) => {
        sayVerdict(artifact, terminal)
      })
    }),
  )
})

test('a verdict begins with its word, and has the name and the digest of its artifact once', () => {
  fc.assert(
    fc.property(verdicts, (artifact) => {
      const { piped } = shown((terminal) => {
        sayVerdict(artifact, terminal)
      })
      const { name, digest, ok } = artifact
      const all = wordsOf(piped)
      const count = (word: string): number => all.filter((one) => one === word).length
      const ownName = name === digest ? name : name.replace(`@${digest ?? ''}`, '')
      expect(all[0]).toBe(ok ? 'PASSED' : 'FAILED')
      expect(count('PASSED') + count('FAILED')).toBe(1)
      expect(count(ownName)).toBe(1)
      if (digest !== undefined) expect(piped.split(digest)).toHaveLength(2)
    }),
  )
})

test('a kid is whole with -v alone', () => {
  fc.assert(
    fc.property(kids, kids, (kid, other) => {
      const key = { kid, algorithm: 'ES256', state: 'pinned', validAtSigning: true } as const
      const attestation = { source: 'b', ok: true, predicateType: SIGN_PREDICATE_TYPE, checks: [] }
      const good = { name: 'a', ok: true, attestations: [{ ...attestation, key }] }
      const error = { code: 'ERR_KEY_NOT_TRUSTED', message: `not by r@1 (kid ${other})` } as const
      const bad = { name: 'b', ok: false, attestations: [], error }
      const say = (args: readonly string[]): string => {
        const { terminal, said } = createEnvironment({}, args)
        sayVerdict(good, terminal)
        sayVerdict(bad, terminal)
        return said()
      }
      expect(say([])).toContain(`by kid ${kid.slice(0, 12)}… (`)
      expect(say([])).toContain('not by r@1 [')
      expect(say(['-v'])).toContain(`by kid ${kid} (`)
      expect(say(['-v'])).toContain(`not by r@1 (kid ${other}) [`)
    }),
  )
})

test('-q leaves one line of a failure', () => {
  fc.assert(
    fc.property(verdicts, (artifact) => {
      const { terminal, said } = createEnvironment({}, ['-q'])
      sayVerdict(artifact, terminal)
      const { name, error } = artifact
      const line = error && `${renderFailedLine(name, error, terminal)}\n`
      expect(said()).toBe(line ?? '')
      expect(line ?? '').not.toMatch(/\n[^]/)
    }),
  )
})

test('what was signed fits 80 columns, with its digest once', () => {
  const keys: readonly SigningKeyDocument[] = [
    { kid: 'A'.repeat(43), algorithm: 'ES256' },
    { name: 'release', version: 3, server: 'https://sign.example' },
  ]
  fc.assert(
    fc.property(names, digests, fc.constantFrom(...keys), (name, digest, key) => {
      const artifact = {
        ...{ name, digest: digest as 'sha256:', ok: true, bundle: `${name}.sigstore.json` },
        attached: [{ format: 'bundle', listedBy: 'api' } as const],
        logIndex: 17,
      }
      const say = (terminal: Terminal): void => {
        terminal.say(renderSigned(artifact, key, terminal))
      }
      expectFitting(say)
      expect(shown(say).piped.split(digest)).toHaveLength(2)
    }),
  )
})

test('the verdict on a token fits 80 columns', () => {
  fc.assert(
    fc.property(fc.option(errors, { nil: undefined }), kids, sentences, (error, kid, sub) => {
      const key = { kid, algorithm: 'ES256' }
      const token =
        error === undefined
          ? { ok: true, key, claims: { sub }, expires: '2026-11-22T10:00:00Z', checks: [] }
          : { ok: false, checks: [], error }
      expectFitting((terminal) => {
        terminal.say(renderTokenVerdict(token, terminal))
      })
    }),
  )
})
