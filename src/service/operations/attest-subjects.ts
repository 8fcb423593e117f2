/** Attests subjects: with the caller's predicate, or with provenance made of the caller's verified claims. */
import type { Caller } from '../../access/caller.ts'
import { type Digest, parseDigest } from '../../crypto/digest.ts'
import { turnFor } from '../../crypto/yield-to-event-loop.ts'
import { CountersignError } from '../../errors.ts'
import type { JsonObject } from '../../formats/json.ts'
import { assertForeignAuthor, githubBuilderId } from '../../formats/predicates/builder.ts'
import {
  PROVENANCE_PREDICATE_TYPE,
  toGithubProvenance,
} from '../../formats/predicates/github-provenance.ts'
import {
  assertExactNumbers,
  MAX_PREDICATE_BYTES,
  type PredicateInput,
} from '../../formats/predicates/predicate.ts'
import {
  assertNotSignatureType,
  assertPredicate,
  resolvePredicateType,
} from '../../formats/predicates/types.ts'
import { rawMember } from '../../formats/raw-member.ts'
import { createSubject, type Subject } from '../../formats/statement.ts'
import { signStatement, type SignArtifactOptions } from '../../signing/sign-artifact.ts'
import type { ServiceContext } from '../context.ts'
import { withActiveSigner } from './active-signer.ts'
import {
  entryKey,
  release,
  type Released,
  type ReleasedBundle,
  type Request,
  type Signed,
  toSigned,
} from './release.ts'
import { proveOnlyRelease, type Replay, type ReplayContext } from './replay.ts'
import { findKey } from './find-key.ts'
import type { SigningContext } from './sign-artifacts.ts'

/** What a caller says of which artifacts; everything in it is the caller's word. */
export interface AttestationOrder {
  readonly subjects: readonly { readonly digest: string; readonly name?: string }[]
  /** A short name or a URI. */
  readonly predicateType?: string
  readonly predicate?: JsonObject
  /** Whether the service makes the predicate. */
  readonly provenance?: boolean
  /** The JSON of all this as it was received: the predicate in it is signed digit by digit. */
  readonly source?: Uint8Array | undefined
}

/** An attestation that was made. */
export interface Attested extends Released {
  readonly key: string
  readonly version: number
  readonly kid: string
  readonly predicateType: string
}

type AttestingContext = SigningContext & Pick<ServiceContext, 'settings'>

/**
 * Makes one attestation.
 *
 * @throws {@link CountersignError} ERR_REQUEST_INVALID — neither or both of predicate and provenance;
 * ERR_PREDICATE_INVALID, ERR_STATEMENT_INVALID, ERR_REFERENCE_INVALID, ERR_USAGE — what is said makes no
 * statement; ERR_INPUT_TOO_LARGE — a predicate over 16 MiB; ERR_NOT_ALLOWED — no policy permits it, what is
 * said is a plain signature or names this service as the builder, or the caller is not a workflow that
 * provenance can be made for; and what keyring, signing and log throw
 */
export async function attestSubjects(
  context: AttestingContext,
  keyName: string,
  requested: AttestationOrder,
  request: Request,
): Promise<Attested> {
  const { digests, ...statement } = await permitStatement(context, keyName, requested, request)
  const { predicateType } = statement
  return withActiveSigner(context.keyring, { name: keyName, use: 'artifact' }, async (active) => {
    const sign = async (options: SignArtifactOptions): Promise<Signed<ReleasedBundle>> =>
      toSigned(await signStatement(active.signer, statement, options))
    const released = await release(context, active, { type: 'attestation', digests, sign }, request)
    const { name, ...version } = entryKey(active)
    return { key: name, ...version, predicateType, ...released }
  })
}

/**
 * Answers again with what was kept of an attestation, if its caller may still ask for it.
 *
 * @throws {@link CountersignError} as {@link attestSubjects}, before it signs, and {@link proveOnlyRelease}
 */
export async function replayAttestation(
  context: AttestingContext & ReplayContext,
  keyName: string,
  requested: AttestationOrder,
  replay: Replay,
): Promise<Attested> {
  const { predicateType } = await permitStatement(context, keyName, requested, replay.request)
  const released = await proveOnlyRelease<ReleasedBundle>(context, replay)
  const { key, version, kid, ...signed } = released
  return { key, version, kid, predicateType, ...signed }
}

async function permitStatement(
  context: AttestingContext,
  keyName: string,
  requested: AttestationOrder,
  request: Request,
): Promise<PermittedStatement> {
  const named = requested.subjects.map(({ digest, name }) => ({
    name,
    digest: parseDigest(digest),
  }))
  const key = findKey(context.keyring, keyName)
  const { issuer } = context.settings
  await turnFor(requested.source?.length ?? 0)
  const made = toPredicate(requested, request.caller, issuer)
  const { predicateType, predicate, predicateText, isProvenance } = made
  await turnFor(predicateText.length)
  await context.authorize(
    request.caller,
    {
      action: 'attest',
      key,
      subjects: named.map(({ name = '', digest }) => ({ name, digests: [digest] })),
      predicateTypes: [predicateType],
      isProvenance,
    },
    request.requestId,
  )
  const subjects = named.map(({ name, digest }) =>
    createSubject(digest, name === undefined ? {} : { name }),
  )
  const digests = named.map(({ digest }) => digest)
  return { subjects, predicateType, predicate, predicateText, digests }
}

/** A statement that its caller may have signed. */
interface PermittedStatement extends PredicateInput {
  readonly subjects: readonly Subject[]
  readonly digests: readonly Digest[]
}

interface Predicate extends Required<PredicateInput> {
  readonly isProvenance: boolean
}

/** @param own - address of the service */
function toPredicate(requested: AttestationOrder, caller: Caller, own: string): Predicate {
  const { predicateType: type, predicate, provenance = false } = requested
  if (provenance && type === undefined && predicate === undefined) return provenanceOf(caller, own)
  if (provenance || type === undefined || predicate === undefined) {
    throw new CountersignError(
      'ERR_REQUEST_INVALID',
      'an attestation needs predicateType and predicate, or provenance alone',
      {
        hint: 'with "provenance": true the service makes the predicate itself',
        details: { path: '' },
      },
    )
  }
  const predicateText = textOf(requested, predicate)
  const bytes = Buffer.byteLength(predicateText)
  if (bytes > MAX_PREDICATE_BYTES) {
    throw new CountersignError('ERR_INPUT_TOO_LARGE', `the predicate has ${bytes} bytes`, {
      hint: `a predicate has at most ${MAX_PREDICATE_BYTES} bytes; attest a digest of it instead`,
    })
  }
  const predicateType = resolvePredicateType(type)
  assertNotSignatureType(predicateType)
  assertPredicate(type, predicate)
  assertExactNumbers(predicate)
  assertForeignAuthor(predicate, own)
  return { predicateType, predicate, predicateText, isProvenance: false }
}

/** The predicate as it was written, where that is known: written again, 1.10 would become 1.1. */
function textOf({ source }: AttestationOrder, predicate: JsonObject): string {
  const text = source === undefined ? undefined : rawMember(source, 'predicate')
  return text ?? JSON.stringify(predicate)
}

/** Claims of a development token are the configuration's, and not a run's. */
function provenanceOf({ kind, issuer, claims }: Caller, own: string): Predicate {
  const builderId = githubBuilderId(own)
  const predicate = toGithubProvenance(kind === 'oidc' ? issuer : '', claims, builderId)
  const predicateText = JSON.stringify(predicate)
  return {
    predicateType: PROVENANCE_PREDICATE_TYPE,
    predicate,
    predicateText,
    isProvenance: true,
  }
}
