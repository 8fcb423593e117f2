/**
 * `verify-bundle` of the sigstore-conformance protocol: one bundle, one artifact, and the evidence the
 * public instance demands.
 *
 * @packageDocumentation
 */
import { existsSync } from 'node:fs'
import { isDigest } from '../../src/crypto/digest.ts'
import { CountersignError, toCountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import { MAX_BUNDLE_BYTES } from '../../src/formats/bundle.ts'
import type { Policy } from '../../src/verification/policy.ts'
import { toResultDocument } from '../../src/verification/result.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { verifyArtifact } from '../../src/verification/verify-artifact.ts'
import type { Outcome } from '../context.ts'
import { openKeys } from '../keys/open.ts'
import { openLocalArtifact } from '../../src/artifacts/local-content.ts'
import { withTypedVerdict } from '../render/hints.ts'
import { sayVerdict } from '../render/verify.ts'
import { toArtifactWorld } from '../artifacts/world.ts'
import type { CommandEnvironment } from '../command.ts'
import { type InstanceFlags, readInstanceRoot } from '../trust/sigstore-instance.ts'
import type { NamedContent } from '../../src/artifacts/named-artifact.ts'
import {
  refused,
  toVerified,
  type VerifiedArtifact,
} from '../../src/artifacts/verified-artifact.ts'

/** Options of `verify-bundle`. */
export interface VerifyBundleFlags extends InstanceFlags {
  readonly bundle: string
  readonly key?: string | undefined
  readonly certificateIdentity?: string | undefined
  readonly certificateOidcIssuer?: string | undefined
}

/** Verifies one bundle against a file or a digest. */
export async function verifyBundleCommand(
  fileOrDigest: string,
  flags: VerifyBundleFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const policy = createPolicy(flags)
  const target = toTarget(fileOrDigest)
  const outcome = await verify(target, { policy, flags }, environment).catch((thrown: unknown) =>
    refused(target.name, toCountersignError(thrown)),
  )
  const verified = withTypedVerdict(outcome)
  const document = toResultDocument([verified.document], verified.error ? [verified.error] : [])
  sayVerdict(verified.document, environment.terminal)
  return { exitCode: document.exitCode, document: { ...document } }
}

async function verify(
  target: NamedContent,
  { policy, flags }: { readonly policy: Policy; readonly flags: VerifyBundleFlags },
  environment: CommandEnvironment,
): Promise<VerifiedArtifact> {
  const { context } = environment
  await using keys = openKeys(environment, {})
  const pinned = flags.key === undefined ? [] : [pinKey(await keys.describe(flags.key))]
  const trustedRoot = await readInstanceRoot(flags, context)
  const artifact = await openLocalArtifact(target, toArtifactWorld(environment))
  const bytes = await readFileBounded(flags.bundle, MAX_BUNDLE_BYTES)
  const attached = [{ kind: 'bundle', source: flags.bundle, bytes }] as const
  const trust = { keys: pinned, trustedRoot }
  const verdict = await verifyArtifact(artifact, attached, { trust, policy, now: context.now() })
  return toVerified(artifact, verdict, { digest: artifact.seen() })
}

/** "The digest should […] not be a path on disk", says the protocol. */
function toTarget(name: string): NamedContent {
  return isDigest(name) && !existsSync(name)
    ? { kind: 'digests', name, digests: [name] }
    : { kind: 'file', name, path: name }
}

function createPolicy(flags: VerifyBundleFlags): Policy {
  const { key, certificateIdentity, certificateOidcIssuer } = flags
  const base = {
    predicateTypes: 'any',
    annotations: {},
    threshold: 1,
    evidence: { logEntries: 1, times: 1 },
  } as const
  if (key !== undefined) return base
  if (certificateIdentity !== undefined && certificateOidcIssuer !== undefined) {
    const identity = {
      subjectAlternativeName: certificateIdentity,
      issuer: certificateOidcIssuer,
    }
    return { ...base, identity }
  }
  throw new CountersignError('ERR_USAGE', 'no key and no identity given', {
    hint: 'give --key, or --certificate-identity and --certificate-oidc-issuer',
  })
}
