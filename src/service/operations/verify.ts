/**
 * Verifies bundles and tokens against the keys of this service, as of now.
 *
 * @packageDocumentation
 */
import { digestHex, digestOf, parseDigest } from '../../crypto/digest.ts'
import type { JsonObject } from '../../formats/json.ts'
import type { NamedPublicKey } from '../../formats/jwks.ts'
import { resolvePredicateType } from '../../formats/predicates/types.ts'
import { isServed } from '../../keys/deadlines.ts'
import type { KeyringSnapshot } from '../../rotation/keyring.ts'
import { digestArtifact } from '../../verification/artifact.ts'
import type { Policy } from '../../verification/policy.ts'
import {
  type ResultDocument,
  toArtifactDocument,
  toResultDocument,
} from '../../verification/result.ts'
import { demandTypes, parseSource } from '../../verification/source.ts'
import type { TokenPolicy } from '../../verification/token-policy.ts'
import { type TokenResultDocument, toTokenResultDocument } from '../../verification/token-result.ts'
import type { TrustMaterial } from '../../verification/trust.ts'
import { toTrustMaterial } from '../../verification/trusted-root.ts'
import { verifyArtifact } from '../../verification/verify-artifact.ts'
import { examineToken } from '../../verification/verify-token.ts'
import type { ServiceContext } from '../context.ts'
import { createHistory } from '../publishing/published-pages.ts'
import { VerdictCache } from './verdict-cache.ts'

/** A bundle to be verified; everything in it is the caller's word. */
export interface BundleQuestion {
  readonly bundle: JsonObject
  readonly artifact: { readonly digest: string; readonly name?: string }
  readonly policy?: BundleDemand
}

/** What a caller demands of a bundle. */
export interface BundleDemand {
  /** Short names or URIs; `any` among them takes whatever is signed. */
  readonly predicateTypes?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly timestamps?: number
  readonly logEntries?: number
  /** `OWNER/NAME` on github.com, or an address, that provenance must name. */
  readonly repository?: string
  readonly workflow?: string
  /** Builders whose provenance counts; none: this service. */
  readonly builders?: readonly string[]
}

/** A token to be verified; everything in it is the caller's word. */
export interface TokenQuestion {
  readonly token: string
  readonly tokenPolicy: Partial<TokenPolicy> & Pick<TokenPolicy, 'audience'>
}

/** Answers questions about bundles and tokens. */
export interface Verifier {
  /** @throws {@link CountersignError} ERR_REFERENCE_INVALID, ERR_USAGE — the question makes no sense */
  verifyBundle(question: BundleQuestion): Promise<ResultDocument>
  verifyToken(question: TokenQuestion): TokenResultDocument
}

type VerifyContext = Pick<ServiceContext, 'keyring' | 'now' | 'settings'>

/** Bundles whose verdicts are remembered: so many, and none longer. */
const REMEMBERED = { entries: 1000, bundleBytes: 32 * 1024 }
const USUAL_TYPE = 'JWT'

/** Makes the verifier of one service; it follows every change of its keys. */
export function createVerifier({ keyring, now, settings }: VerifyContext): Verifier {
  const { issuer } = settings
  const verdicts = new VerdictCache(REMEMBERED)
  /** What a snapshot says is trusted; made once for each. */
  const materials = new WeakMap<KeyringSnapshot, Promise<TrustMaterial>>()

  function trustOf(snapshot: KeyringSnapshot): Promise<TrustMaterial> {
    const known = materials.get(snapshot) ?? toTrustMaterial(createHistory(snapshot, settings))
    materials.set(snapshot, known)
    return known
  }

  return {
    verifyBundle: async ({ bundle, artifact, policy: demanded = {} }) => {
      const { snapshot } = keyring
      const digest = parseDigest(artifact.digest)
      const { name = digest } = artifact
      const policy = toPolicy(demanded)
      const bytes = Buffer.from(JSON.stringify(bundle))
      // State alone decides about a good bundle, and every change of state has a sequence of its own.
      const question = sha256(JSON.stringify([sha256(bytes), digest, snapshot.sequence, policy]))
      const trust = await trustOf(snapshot)
      const attached = [{ kind: 'bundle', source: 'request', bytes } as const]
      const verdict = await verdicts.get(question, bytes.length, () =>
        verifyArtifact(digestArtifact(name, [digest]), attached, { trust, policy, now: now() }),
      )
      const document = toArtifactDocument(name, digest, verdict)
      return toResultDocument([document], verdict.ok ? [] : [verdict.error])
    },
    verifyToken: ({ token, tokenPolicy }) => {
      const time = now()
      const keys = servedTokenKeys(keyring.snapshot, time)
      const policy = { issuer, type: USUAL_TYPE, ...tokenPolicy }
      return toTokenResultDocument(examineToken(token, { keys, policy, now: time }))
    },
  }
}

function sha256(data: Uint8Array | string): string {
  return digestHex(digestOf(Buffer.from(data)))
}

function toPolicy(demanded: BundleDemand): Policy {
  const { predicateTypes = [], annotations = {}, timestamps = 0, logEntries } = demanded
  const isAny = predicateTypes.includes('any')
  const source = parseSource(demanded)
  return {
    predicateTypes: demandTypes(isAny ? 'any' : predicateTypes.map(resolvePredicateType), source),
    ...(source !== undefined && { source }),
    annotations,
    threshold: 1,
    evidence: { times: timestamps, logEntries },
  }
}

/** The keys that the JWKS has now. */
function servedTokenKeys({ keys, versions }: KeyringSnapshot, now: Date): NamedPublicKey[] {
  const tokenKeys = keys.filter(({ use }) => use === 'token')
  return versions
    .filter((version) => {
      const key = tokenKeys.find(({ name }) => name === version.key)
      return key !== undefined && isServed(version, key, now)
    })
    .map(({ publicKey }) => ({ kid: publicKey.kid, key: publicKey }))
}
