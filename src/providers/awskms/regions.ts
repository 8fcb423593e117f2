/**
 * One key pair in several regions: asked in their order, the next one where a region is down or takes no more, and
 * the first one again once it answers. A replica signs only after its public key was compared.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import type { SignOptions } from '../../signing/signer.ts'
import type { OpenKeyOptions } from '../provider.ts'
import { isWorthAnotherCall } from './calls.ts'
import type { KmsCallOptions, KmsClient, KmsSignature, KmsSignRequest } from './client.ts'
import { type PinnedKmsKey, readKey } from './key.ts'
import { isMultiRegion, keyIn } from './uri.ts'

/** A key in one region. */
export interface KmsPlace {
  readonly client: KmsClient
  /** As KMS takes it there. */
  readonly keyId: string
}

/** A region that does not answer by then is left for the next one, so that none costs a request a second. */
const ATTEMPT_MS = 800

/**
 * Reads a key where it can be read, and compares it with those of the other regions that answer now.
 *
 * @throws {@link CountersignError} as readKey; ERR_KEY_INVALID — other regions cannot have the key;
 * ERR_PROVIDER_FAULT — another region has another one
 */
export async function readKeyInRegions(
  places: readonly KmsPlace[],
  options: OpenKeyOptions = {},
): Promise<RegionalKey> {
  const found = await inFirstRegion(places, { signal: options.signal }, async (place, call) => ({
    place,
    ...(await readKey(place.client, place.keyId, { ...options, ...call })),
  }))
  const { arn } = found
  const regions = places.map(({ client }) => client.facts.region ?? '')
  if (places.length > 1 && !isMultiRegion({ keyId: arn, regions })) throw onlyOneRegion(arn)
  const pinned = places.map(({ client }, index) => ({
    client,
    keyId: places.length === 1 ? arn : keyIn(regions[index] ?? '', arn),
  }))
  const key = new RegionalKey(pinned, found, places.indexOf(found.place))
  await key.compareReachable()
  return key
}

/** A key pair, pinned by its name in each region and by its public key. */
export class RegionalKey {
  readonly key: PublicKeyInfo
  readonly #places: readonly KmsPlace[]
  /** Places with this public key. */
  readonly #compared: Set<KmsPlace>

  /** @param read - index of the place that it was read in */
  constructor(places: readonly KmsPlace[], { key }: PinnedKmsKey, read: number) {
    this.key = key
    this.#places = places
    this.#compared = new Set(places.filter((_place, index) => index === read))
  }

  /** The name of the key in the region that is asked first. */
  get arn(): string {
    return this.#places[0]?.keyId ?? ''
  }

  /** Compares the public keys of regions that answer; the others are compared before they sign. */
  async compareReachable(): Promise<void> {
    const compare = async (place: KmsPlace): Promise<void> => {
      try {
        await this.#compare(place, { until: 0, attemptMs: ATTEMPT_MS })
      } catch (error) {
        if (CountersignError.is(error, 'ERR_PROVIDER_FAULT')) throw error
      }
    }
    await Promise.all(this.#places.map(compare))
  }

  /**
   * Signs in the first region that can.
   *
   * @throws {@link CountersignError} ERR_PROVIDER_FAULT — a region has another key; and what the last region throws
   */
  sign(
    request: Omit<KmsSignRequest, 'keyArn'>,
    options: SignOptions,
  ): Promise<KmsSignature & { readonly asked: string }> {
    return inFirstRegion(this.#places, options, async (place, call) => {
      await this.#compare(place, call)
      const { client, keyId: asked } = place
      return { ...(await client.sign({ ...request, keyArn: asked }, call)), asked }
    })
  }

  async #compare(place: KmsPlace, call: KmsCallOptions): Promise<void> {
    if (this.#compared.has(place)) return
    const algorithm = this.key.algorithm.name
    const found = await readKey(place.client, place.keyId, { ...call, algorithm })
    if (!Buffer.from(found.key.spki).equals(this.key.spki)) throw anotherKey(place.keyId)
    this.#compared.add(place)
  }
}

async function inFirstRegion<T>(
  places: readonly KmsPlace[],
  options: SignOptions,
  ask: (place: KmsPlace, options: KmsCallOptions) => Promise<T>,
): Promise<T> {
  const [place, ...others] = places
  if (place === undefined) throw new TypeError('a key is in one region at least')
  if (others.length === 0) return ask(place, options)
  try {
    // One attempt: the next region comes before a second one.
    return await ask(place, { ...options, until: 0, attemptMs: ATTEMPT_MS })
  } catch (error) {
    if (!isWorthAnotherCall(error) || options.signal?.aborted === true) throw error
    return inFirstRegion(others, options, ask)
  }
}

function onlyOneRegion(arn: string): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', `${arn} is not a multi-Region key`, {
    hint: 'name one region; a key can be in several only if it was created so',
    details: { provider: 'awskms' },
  })
}

function anotherKey(arn: string): CountersignError {
  return new CountersignError(
    'ERR_PROVIDER_FAULT',
    `${arn} has another public key than the key of its other region`,
    {
      hint: 'nothing was signed; name the regions of one multi-Region key',
      details: { provider: 'awskms', keyArn: arn },
    },
  )
}
