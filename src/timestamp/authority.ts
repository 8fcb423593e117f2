/**
 * A time-stamp authority (RFC 3161): answers public requests, and stamps the signatures of this
 * service.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { type Digest, digestOf } from '../crypto/digest.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import type { Signer, SignOptions } from '../signing/signer.ts'
import { parseTimestampChain, type TimestampChain } from './chain.ts'
import { oid } from './der.ts'
import {
  encodeImprint,
  isRejection,
  readTimestampRequest,
  type Rejection,
  type TimestampRequest,
} from './request.ts'
import { encodeGrant, encodeRejection, readTimestampResponse } from './response.ts'
import type { StampClock } from './stamp-clock.ts'
import { createTokenSigner, encodeTstInfo, type TokenSigner } from './token.ts'

/** The policy of Sigstore's authorities, whose profile these time stamps follow. */
const DEFAULT_POLICY_OID = '1.3.6.1.4.1.57264.2'

/** What an authority signs with. */
export interface TimestampAuthorityOptions {
  readonly signer: Signer
  /** Chain of the signer's key, PEM, leaf first. */
  readonly certificates: string
  readonly clock: StampClock
  /** Dotted; default 1.3.6.1.4.1.57264.2. */
  readonly policyOid?: string
  /** Makes serial numbers; default node:crypto's. */
  readonly random?: (bytes: number) => Uint8Array
}

/** A time stamp that was given. */
export interface Stamp {
  /** TimeStampResp, DER: what a Sigstore bundle carries. */
  readonly response: Uint8Array
  readonly time: Date
  /** Hex. */
  readonly serial: string
  /** What was stamped. */
  readonly digest: Digest
}

/** An answer to a request: a time stamp, or a refusal with its reason. */
export type TimestampAnswer =
  | { readonly response: Uint8Array; readonly stamp: Stamp }
  | { readonly response: Uint8Array; readonly rejection: Rejection }

/** Gives time stamps. */
export interface TimestampAuthority {
  readonly key: PublicKeyInfo
  /**
   * Answers a request of RFC 3161, whatever its bytes are: what can't be stamped gets an answer that
   * says so.
   *
   * @throws {@link CountersignError} ERR_KEY_NOT_USABLE — the certificate is not valid now; and the
   * errors of {@link Signer.sign}
   */
  respond(request: Uint8Array, options?: SignOptions): Promise<TimestampAnswer>
  /**
   * Stamps a digest, with the certificate inside.
   *
   * @throws {@link CountersignError} as {@link TimestampAuthority.respond}; ERR_CLOCK — the clock went
   * back
   */
  stamp(digest: Digest, options?: SignOptions): Promise<Stamp>
  /** Stamps a signature as Sigstore wants it: SHA-256 over its bytes, as the bundle has them. */
  stampSignature(signature: Uint8Array, options?: SignOptions): Promise<Stamp>
}

const SERIAL_BYTES = 16

/**
 * Creates an authority over one version of a time-stamp key.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — the certificates are malformed, or for another key;
 * ERR_ALGORITHM_UNSUPPORTED — verifiers of time stamps don't know the key's algorithm
 */
export function createTimestampAuthority(options: TimestampAuthorityOptions): TimestampAuthority {
  const chain = parseTimestampChain(options.certificates)
  assertSameKey(chain, options.signer)
  const issue = createIssuer(options, chain)
  const policy = oid(options.policyOid ?? DEFAULT_POLICY_OID)

  const stamp: TimestampAuthority['stamp'] = async (digest, signOptions = {}) => {
    const imprint = encodeImprint(digest)
    const own = { digest, imprint, policy: undefined, nonce: undefined, wantsCertificate: true }
    return issue(own, options.clock.read(), signOptions)
  }
  return {
    key: options.signer.key,
    respond: async (der, signOptions = {}) => {
      const request = readTimestampRequest(der)
      if (isRejection(request)) return reject(request)
      if (request.policy !== undefined && Buffer.compare(request.policy, policy) !== 0) {
        return reject({ failure: 'unacceptedPolicy', reason: 'the policy is not the one in use' })
      }
      const time = readClock(options.clock)
      if (!(time instanceof Date)) return reject(time)
      const given = await issue(request, time, signOptions)
      return { response: given.response, stamp: given }
    },
    stamp,
    stampSignature: (signature, signOptions) => stamp(digestOf(signature), signOptions),
  }
}

function assertSameKey(chain: TimestampChain, { key }: Signer): void {
  const certified = chain.leaf.publicKey.export({ type: 'spki', format: 'der' })
  if (Buffer.compare(certified, key.spki) === 0) return
  throw new CountersignError(
    'ERR_KEY_INVALID',
    `the time-stamp certificate is not for the key ${key.kid}`,
    { details: { kid: key.kid } },
  )
}

function reject(rejection: Rejection): TimestampAnswer {
  return { response: encodeRejection(rejection), rejection }
}

function readClock(clock: StampClock): Date | Rejection {
  try {
    return clock.read()
  } catch (error) {
    if (!CountersignError.is(error)) throw error
    return { failure: 'timeNotAvailable', reason: 'the clock of this authority is being set' }
  }
}

type Issuer = (request: TimestampRequest, time: Date, options: SignOptions) => Promise<Stamp>

function createIssuer(options: TimestampAuthorityOptions, chain: TimestampChain): Issuer {
  const { policyOid = DEFAULT_POLICY_OID, random = randomBytes, clock } = options
  const { accuracySeconds } = clock
  const signToken: TokenSigner = createTokenSigner(options.signer, chain)
  return async ({ digest, imprint, nonce, wantsCertificate }, time, signOptions) => {
    assertInForce(chain, time)
    const serial = toSerial(random(SERIAL_BYTES))
    const info = { policy: policyOid, imprint, serial, time, accuracySeconds, nonce }
    const token = await signToken(encodeTstInfo(info), wantsCertificate, signOptions)
    const response = encodeGrant(token)
    const stamp = { response, time, serial: Buffer.from(serial).toString('hex'), digest }
    assertReadsBack(stamp)
    return stamp
  }
}

/** Positive, never zero, and of one length. */
function toSerial(bytes: Uint8Array): Uint8Array {
  const serial = Uint8Array.from(bytes)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}

function assertInForce({ notBefore, notAfter }: TimestampChain, time: Date): void {
  if (time >= notBefore && time <= notAfter) return
  throw new CountersignError(
    'ERR_KEY_NOT_USABLE',
    `the time-stamp certificate is valid from ${notBefore.toISOString()} to ${notAfter.toISOString()}, not at ${time.toISOString()}`,
    { hint: 'rotate the time-stamp key: a new version gets a new certificate' },
  )
}

/** Nothing is released that does not say, to a reader of its own, what it was meant to say. */
function assertReadsBack(stamp: Stamp): void {
  const { digest, time, serial } = readTimestampResponse(stamp.response)
  const isSame = time.getTime() === stamp.time.getTime() && serial === stamp.serial
  if (digest === stamp.digest && isSame) return
  throw new CountersignError('ERR_INTERNAL', 'a time stamp does not say what it should')
}
