/** The keys that a token may be signed with, as a command line names them. */
import { assertUse } from '../../src/config/named-key.ts'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import {
  type KeyName,
  type KeySet,
  type NamedPublicKey,
  parseJwks,
} from '../../src/formats/jwks.ts'
import { parseKeyUri, serializeKeyUri } from '../../src/providers/key-uri.ts'
import type { Context } from '../context.ts'
import type { CommandKeys } from '../keys/open.ts'
import { assertTokenKey, readStatedUse } from '../keys/stated-use.ts'
import { openKeySet } from '../trust/home.ts'

/** Options that name keys of tokens. */
export interface TokenKeyFlags {
  readonly jwks?: readonly string[] | undefined
  readonly key?: readonly string[] | undefined
  /** Of RSA keys that name none. */
  readonly algorithm?: readonly AlgorithmName[] | undefined
}

/** Keys, and each source of them in a line for people. */
export interface TokenKeys {
  readonly keys: readonly NamedPublicKey[]
  readonly described: readonly string[]
}

const MAX_JWKS_BYTES = 512 * 1024

/** The token that is to be verified, as far as it says which key to look for. */
interface Wanted {
  /** Attacker-controlled: it only decides whether a key set is fetched again. */
  readonly name: KeyName
}

/**
 * Reads every key that was named; none may be listed by the pinned service with another use. A key set at a web address is kept for this user as long as it may be.
 *
 * @throws {@link CountersignError} ERR_USAGE — none was; ERR_KEY_USE_MISMATCH — a key signs something else; ERR_TRUST_INVALID — a key set is malformed; and
 * those of reading files, web addresses and keys
 */
export async function readTokenKeys(
  flags: TokenKeyFlags,
  keys: CommandKeys,
  context: Context & Wanted,
): Promise<TokenKeys> {
  const { jwks = [], key = [], algorithm: algorithms } = flags
  if (jwks.length + key.length === 0) {
    throw new CountersignError('ERR_USAGE', 'no trusted key given', {
      hint: "give the issuer's key set with --jwks FILE or URL, or its public key with --key",
    })
  }
  const statedUse = await readStatedUse(context)
  const sources = [
    ...(await Promise.all(jwks.map((source) => readSet(source, algorithms, context)))),
    ...(await Promise.all(key.map((reference) => readOne(reference, algorithms, keys)))),
  ]
  for (const { keys: named } of sources) {
    for (const one of named) assertTokenKey(one.key, statedUse)
  }
  return {
    keys: sources.flatMap((source) => source.keys),
    described: sources.flatMap((source) => source.described),
  }
}

async function readSet(
  source: string,
  algorithms: readonly AlgorithmName[] | undefined,
  context: Context & Wanted,
): Promise<TokenKeys> {
  // A web address is held to the rules of keys: https, or http to this machine itself.
  const url = /^https?:/i.test(source) ? serializeKeyUri(parseKeyUri(source)) : undefined
  const set =
    url !== undefined
      ? await openKeySet(new URL(url), context, algorithms).setFor(
          context.name.kid,
          context.name.alg,
        )
      : parseJwks(await readFileBounded(source, MAX_JWKS_BYTES), { algorithms })
  return { keys: set.keys, described: [describeSet(source, set)] }
}

function describeSet(source: string, { keys, skipped, sequence }: KeySet): string {
  const kids = keys.slice(0, 3).map(({ kid }) => `kid ${kid}`)
  const more = keys.length > kids.length ? `, and ${keys.length - kids.length} more` : ''
  const number = sequence === undefined ? '' : `, sequence ${sequence}`
  const unfit = skipped.length === 0 ? '' : `, ${skipped.length} that do not fit left out`
  const count = keys.length === 1 ? '1 key' : `${keys.length} keys`
  return `${count} of ${source} (${kids.join(', ')}${more}${number}${unfit})`
}

async function readOne(
  reference: string,
  algorithms: readonly (AlgorithmName | undefined)[] = [undefined],
  keys: CommandKeys,
): Promise<TokenKeys> {
  const { named } = await keys.find(reference)
  if (named !== undefined) assertUse(named, 'token')
  const pinned: NamedPublicKey[] = []
  // One after the other: each may ask for the same passphrase.
  for (const algorithm of algorithms) {
    const key = await keys.describe(reference, { algorithm })
    pinned.push({ kid: key.kid, key })
  }
  return {
    keys: pinned,
    // The pinned service lists the keys of artifacts: of others nothing is known.
    described: pinned.map(
      ({ kid, key }) => `${reference} (${key.algorithm.name}, kid ${kid}; its use is not checked)`,
    ),
  }
}
