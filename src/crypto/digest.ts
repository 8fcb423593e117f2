/**
 * Digests: the hashes countersign knows, the `algorithm:hex` text form (OCI image-spec, Digests),
 * and hashing of bytes and streams.
 *
 * @packageDocumentation
 */
import { assertChoice } from '../basics/arguments.ts'
import { createHash, hash as hashAtOnce } from 'node:crypto'
import { CountersignError } from '../errors.ts'

/** A hash of FIPS 180-4, by the name node:crypto, OCI and in-toto share. */
export type HashName = 'sha256' | 'sha384' | 'sha512'

/** Text form of a digest: `sha256:` and lower-case hex of the full length. */
export type Digest = `${HashName}:${string}`

/** Bytes of each hash's digest. */
export const DIGEST_BYTES: Readonly<Record<HashName, number>> = {
  sha256: 32,
  sha384: 48,
  sha512: 64,
}

/** Whether a text names a known hash. */
export function isHashName(name: string): name is HashName {
  return Object.hasOwn(DIGEST_BYTES, name)
}

/** Whether a text is a well-formed digest of a known hash. */
export function isDigest(text: string): text is Digest {
  const [hash = '', hex = '', ...rest] = text.split(':', 3)
  return (
    rest.length === 0 &&
    isHashName(hash) &&
    hex.length === DIGEST_BYTES[hash] * 2 &&
    /^[0-9a-f]+$/.test(hex)
  )
}

/**
 * Parses `sha256:…`, `sha384:…` or `sha512:…`; the hex is lower case and of the full length.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — anything else
 *
 * @example
 * ```ts
 * import { CountersignError, parseDigest } from 'countersign/verify'
 *
 * try {
 *   parseDigest('sha256:abc')
 * } catch (error) {
 *   console.log(CountersignError.is(error, 'ERR_REFERENCE_INVALID')) // true
 * }
 * ```
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new CountersignError('ERR_REFERENCE_INVALID', `not a digest: "${text.slice(0, 160)}"`, {
    hint: 'write sha256: (or sha384:, sha512:) and the full digest in lower-case hex',
  })
}

/** The hash a digest was made with. */
export function digestHash(digest: Digest): HashName {
  return digest.slice(0, 6) as HashName
}

/** The hex part of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice(7)
}

/** The bytes of a digest. */
export function digestBytes(digest: Digest): Uint8Array {
  return Buffer.from(digestHex(digest), 'hex')
}

/** Writes raw digest bytes in text form. */
export function formatDigest(hash: HashName, bytes: Uint8Array): Digest {
  return `${hash}:${Buffer.from(bytes).toString('hex')}`
}

/** Hashes bytes that are already in memory. */
export function hashBytes(hash: HashName, bytes: Uint8Array): Uint8Array {
  return hashAtOnce(hash, bytes, 'buffer')
}

/**
 * Hashes bytes that are already in memory, in text form.
 *
 * @example
 * ```ts
 * import { digestOf } from 'countersign/verify'
 *
 * console.log(digestOf(Buffer.from(''))) // sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
 * ```
 */
export function digestOf(bytes: Uint8Array, hash: HashName = 'sha256'): Digest {
  assertChoice('hash', hash, Object.keys(DIGEST_BYTES))
  return formatDigest(hash, hashBytes(hash, bytes))
}

/**
 * Hashes a stream once with several hashes; holds one chunk at a time.
 *
 * @example
 * ```ts
 * import { digestStream } from 'countersign/verify'
 * import { createReadStream } from 'node:fs'
 *
 * const { sha256 } = await digestStream(createReadStream('app.tar.gz'), ['sha256', 'sha512'])
 * console.log(sha256.slice(0, 7)) // sha256:
 * ```
 */
export async function digestStream<H extends HashName>(
  chunks: AsyncIterable<Uint8Array>,
  hashes: readonly H[],
): Promise<Readonly<Record<H, Digest>>> {
  const running = hashes.map((name) => ({ name, hash: createHash(name) }))
  for await (const chunk of chunks) for (const { hash } of running) hash.update(chunk)
  return Object.fromEntries(
    running.map(({ name, hash }) => [name, formatDigest(name, hash.digest())]),
  ) as Record<H, Digest>
}
