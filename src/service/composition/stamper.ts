/** Who says when a signature was made: our own time-stamp authority, or another one. */
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import type { Key, KeyVersion } from '../../keys/key.ts'
import { toBackendFault } from '../../providers/backend-fault.ts'
import type { Keyring } from '../../rotation/keyring.ts'
import { createTimestampAuthority, type TimestampAuthority } from '../../timestamp/authority.ts'
import type { TimestampClient } from '../../timestamp/client.ts'
import { assertOwnSignature } from '../../timestamp/own-signature.ts'
import type { StampClock } from '../../timestamp/stamp-clock.ts'
import { CountersignError } from '../../errors.ts'
import type { SignOptions } from '../../signing/signer.ts'
import { verifyTimestamp } from '../../verification/verify-timestamp.ts'
import { openKeyOf } from '../publishing/own-keys.ts'

/** A time stamp of a signature, and what the log says of it. */
export interface SignatureStamp {
  /** TimeStampResp, DER. */
  readonly response: Uint8Array
  /** Of the authority's key; its address, where it is not ours. */
  readonly kid: string
  readonly time: Date
}

/** Stamps signatures. */
export type Stamper = (
  signature: Uint8Array,
  options: Pick<SignOptions, 'signal' | 'until' | 'owner'>,
) => Promise<SignatureStamp>

/** An authority over the version that is active now. */
export interface ActiveAuthority {
  readonly key: Key
  readonly version: KeyVersion
  readonly authority: TimestampAuthority
}

/** The embedded authority: follows the rotation of the time-stamp key. */
export interface EmbeddedAuthority {
  /**
   * The authority as of now.
   *
   * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no key has the use `timestamp`; ERR_KEY_INVALID —
   * its version has no certificate; and the errors of the keyring
   */
  active(): Promise<ActiveAuthority>
}

/**
 * Makes the embedded authority; one clock for all its versions, so that time never goes back.
 *
 * @param configured - names of the keys that are configured: of several time-stamp keys the one that is
 */
export function createEmbeddedAuthority(
  keyring: Keyring,
  clock: StampClock,
  configured: readonly string[] = [],
): EmbeddedAuthority {
  /** Authorities by kid; a version's key and certificate never change. */
  const authorities = new Map<string, TimestampAuthority>()
  return {
    active: async () => {
      const { key, version, signer } = await openKeyOf('timestamp', keyring, configured)
      const { kid } = version.publicKey
      const { certificates } = version
      if (certificates === undefined) {
        throw new CountersignError('ERR_KEY_INVALID', `"${key.name}" has no certificate`)
      }
      const authority =
        authorities.get(kid) ?? createTimestampAuthority({ signer, certificates, clock })
      authorities.set(kid, authority)
      return { key, version, authority }
    },
  }
}

/** Stamps with the embedded authority. */
export function embeddedStamper(embedded: EmbeddedAuthority): Stamper {
  return async (signature, options) => {
    const { authority, version } = await embedded.active()
    const { response, time } = await authority.stampSignature(signature, options)
    return { response, time, kid: version.publicKey.kid }
  }
}

/** An authority elsewhere, and what its time stamps are held against. */
export interface RemoteAuthority {
  readonly address: string
  readonly client: Pick<TimestampClient, 'stampSignature'>
  /** Has the chain of the authority; undefined: nothing says who it is. */
  readonly trustedRoot: TrustedRoot | undefined
  readonly now: () => Date
}

/** How far its clock may be from ours; its accuracy and ours are within it. */
const MAX_OFFSET_MS = 60_000

/**
 * Stamps with an authority elsewhere. What it gives is verified before it goes into a bundle: it is over this
 * signature, signed by a trusted authority, and of this moment. Without a
 * trusted root, it is signed by the certificate that comes with it, whose owner is not verified.
 *
 * @throws {@link CountersignError} from the stamper: ERR_TIMESTAMP_INVALID — it is not; and the errors of the
 * client
 */
export function remoteStamper({ address, client, now, trustedRoot }: RemoteAuthority): Stamper {
  return async (signature, options) => {
    const askedMs = now().getTime()
    const { response, time } = await client.stampSignature(signature, options)
    const answeredMs = now().getTime()
    if (trustedRoot === undefined) assertOwnSignature(response, time)
    const verified =
      trustedRoot === undefined ? time : await verifyTimestamp(signature, response, trustedRoot)
    const isPlausible =
      verified.getTime() >= askedMs - MAX_OFFSET_MS &&
      verified.getTime() <= answeredMs + MAX_OFFSET_MS
    if (!isPlausible) throw implausible(address, verified)
    return { response, time, kid: address }
  }
}

/** A stamper whose failures are reported as the service's, not the caller's. */
export function ownStamper(stamper: Stamper): Stamper {
  return async (...asked) => {
    try {
      return await stamper(...asked)
    } catch (error) {
      throw toBackendFault(error, 'the time-stamp authority gives nothing that can be used')
    }
  }
}

function implausible(address: string, time: Date): CountersignError {
  return new CountersignError(
    'ERR_TIMESTAMP_INVALID',
    `the time stamp of ${new URL(address).host} is of ${time.toISOString()}, over a minute from now`,
    { hint: 'nothing was released; check the clocks of this machine and of the authority' },
  )
}
