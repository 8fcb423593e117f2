/**
 * What a service publishes of its keys, in the dialects that other verifiers read. None of them knows
 * windows of validity, so only versions that are active go into them.
 *
 * @packageDocumentation
 */
import { encodeBase64 } from '../crypto/base64.ts'
import {
  type PublicKeyInfo,
  serializePublicKeyJwk,
  serializePublicKeyPem,
} from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import type { KeyHistory, PublishedVersion } from '../keys/key-history.ts'
import { DIGEST_KEY_WARNING } from '../keys/publication.ts'

/** Names of the dialects. */
export const TRUST_DIALECTS = ['jwks', 'pem', 'trusted-root', 'policy-json', 'kyverno'] as const

/** A dialect. */
export type TrustDialect = (typeof TRUST_DIALECTS)[number]

/** What is written. */
export interface DialectRequest {
  readonly history: KeyHistory
  /** Names of keys; where left out, all whose use is `artifact`. */
  readonly keys?: readonly string[] | undefined
  /** Images that policies are about: `registry/repository`, or a part of it from the left. */
  readonly scopes: readonly string[]
}

const WRITERS: Readonly<
  Record<TrustDialect, (keys: readonly PublishedVersion[], request: DialectRequest) => string>
> = {
  jwks: (versions) => json({ keys: versions.map(({ key }) => serializePublicKeyJwk(key)) }),
  pem: (versions) => versions.map(toNamedPem).join(''),
  'trusted-root': (_versions, { history }) => {
    if (history.trustedRoot !== undefined) return json(history.trustedRoot)
    throw new CountersignError('ERR_TRUST_INVALID', 'the service publishes no trusted root', {
      hint: 'fetch the trusted root of its time-stamp authority from its owner',
    })
  },
  'policy-json': (versions, { scopes }) => json(containersPolicy(versions, scopes)),
  kyverno: (versions, { scopes }) => json(kyvernoPolicy(versions, scopes)),
}

/**
 * Writes active key versions in a dialect.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — none is active; ERR_TRUST_INVALID — the service
 * publishes no trusted root
 */
export function writeDialect(dialect: TrustDialect, request: DialectRequest): string {
  const { history } = request
  const active = history.versions.filter(
    (version) => version.state === 'active' && isExported(version, dialect, request),
  )
  if (active.length === 0 && dialect !== 'trusted-root') {
    throw new CountersignError('ERR_KEY_NOT_FOUND', `no active key version for ${dialect}`, {
      hint: 'digest keys are exported by name alone, as pem or jwks',
      reason: 'no-active-version-published',
    })
  }
  return WRITERS[dialect](active, request)
}

/**
 * Other verifiers know no use, so a digest key would vouch for whatever its callers make it say. It is written
 * where it is named, as a key alone; never into a policy about images.
 */
function isExported(
  { name, use }: PublishedVersion,
  dialect: TrustDialect,
  { keys }: DialectRequest,
): boolean {
  if (keys === undefined) return use === 'artifact'
  if (!keys.includes(name)) return false
  return use === 'artifact' || dialect === 'pem' || dialect === 'jwks'
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** RFC 7468 section 2 allows text around the blocks. */
function toNamedPem({ name, version, use, key }: PublishedVersion): string {
  const warning = use === 'digest' ? `${DIGEST_KEY_WARNING}\n` : ''
  return `${name}@${version} (kid ${key.kid})\n${warning}${pemOf(key)}`
}

/** With one line end behind it. */
function pemOf(key: PublicKeyInfo): string {
  return `${serializePublicKeyPem(key).trimEnd()}\n`
}

/** containers-policy.json(5), for podman, CRI-O and skopeo: they read cosign's older layout. */
function containersPolicy(
  versions: readonly PublishedVersion[],
  scopes: readonly string[],
): object {
  const requirement = {
    type: 'sigstoreSigned',
    keyDatas: versions.map(({ key }) => encodeBase64(Buffer.from(pemOf(key)))),
    signedIdentity: { type: 'matchRepository' },
  }
  const docker = Object.fromEntries(scopes.map((scope) => [scope, [requirement]]))
  return { default: [{ type: 'reject' }], transports: { docker } }
}

/** Where a pod has images; a policy that leaves one out lets unsigned images in there. */
const POD_IMAGES = ['containers', 'initContainers', 'ephemeralContainers']

/**
 * An ImageValidatingPolicy of Kyverno; JSON is YAML. Without a log, since this one is not Sigstore's, though
 * Kyverno does not verify a key without the address of one.
 */
function kyvernoPolicy(versions: readonly PublishedVersion[], scopes: readonly string[]): object {
  // Names are read as CEL, which takes a dash for a minus.
  const attestors = versions.map(({ key }, index) => ({
    name: `key${index + 1}`,
    cosign: {
      key: { data: pemOf(key) },
      ctlog: {
        url: 'https://rekor.sigstore.dev',
        insecureIgnoreTlog: true,
        insecureIgnoreSCT: true,
      },
    },
  }))
  const named = attestors.map(({ name }) => `attestors.${name}`).join(', ')
  return {
    apiVersion: 'policies.kyverno.io/v1',
    kind: 'ImageValidatingPolicy',
    metadata: { name: 'countersign' },
    spec: {
      validationActions: ['Deny'],
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['pods', 'pods/ephemeralcontainers'],
          },
        ],
      },
      matchImageReferences: scopes.map((scope) => ({ glob: `${scope}*` })),
      attestors,
      validations: POD_IMAGES.map((images) => ({
        expression: `images.${images}.map(image, verifyImageSignatures(image, [${named}])).all(e, e > 0)`,
        message: `an image of ${images} is not signed by a trusted key`,
      })),
    },
  }
}
