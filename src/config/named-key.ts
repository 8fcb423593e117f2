/** Keys by the names people gave them in the configuration. */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { CountersignError } from '../errors.ts'
import type { KeyUri } from '../providers/key-uri.ts'
import { parseProviderReference } from '../providers/provider-reference.ts'
import { type Config, originOf } from './config.ts'
import type { TokenRules } from '../signing/issue-token.ts'
import { describeOrigin } from './origin.ts'
import { toTokenRules } from './token-rules.ts'
import type { KeyUse } from '../keys/key.ts'

/** One key that a name stands for. */
export interface NamedKey {
  readonly name: string
  readonly use: KeyUse
  readonly uri: KeyUri
  /** Pinned to the key. */
  readonly algorithm: AlgorithmName
  /** Where its passphrase is; see {@link readSecret}. */
  readonly passphrase: string | undefined
  /** What its tokens may say; for a key whose use is `token`. */
  readonly tokenRules: TokenRules
}

/**
 * Finds the key of a name; undefined where the configuration has no such name, so that the text means
 * something else, a path.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — the name stands for a place that the service makes
 * keys in, not for one key
 */
export function findNamedKey(config: Config, name: string): NamedKey | undefined {
  const settings = Object.hasOwn(config.keys, name) ? config.keys[name] : undefined
  if (settings === undefined) return undefined
  const { use, algorithm, provider, passphrase } = settings
  const reference = parseProviderReference(provider)
  if (reference.kind === 'key') {
    const { uri } = reference
    return { name, use, uri, algorithm, passphrase, tokenRules: toTokenRules(settings) }
  }
  const path = `keys.${name}.provider`
  const place = describeOrigin(originOf(config, path))
  throw new CountersignError(
    'ERR_CONFIG_INVALID',
    `${path} (${place}): "${provider}" is a place for keys, not one key`,
    { hint: 'name one key there, or give a key reference instead' },
  )
}

/**
 * Lets a key do only what it is for.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_USABLE — its use is another
 */
export function assertUse(
  { name, use }: Pick<NamedKey, 'name' | 'use'>,
  ...expected: readonly KeyUse[]
): void {
  if (expected.includes(use)) return
  const wanted = expected.join(' or ')
  throw new CountersignError(
    'ERR_KEY_NOT_USABLE',
    `the key "${name}" has the use ${use}, expected ${wanted}`,
    { hint: 'a key has one use for all its life: choose another key', details: { use, wanted } },
  )
}
