/**
 * What follows a change of state in the backend: a revoked key disabled, a destroyed one scheduled for
 * deletion. The state is durable before, so nothing depends on it; what fails is reported, and may be
 * repeated.
 *
 * @packageDocumentation
 */
import { type CountersignError, toCountersignError } from '../errors.ts'
import type { KeyVersion } from '../keys/key.ts'
import {
  canCancelDestruction,
  canDestroy,
  canDisable,
  type Destruction,
  type PinnedKeyPair,
} from '../providers/key-lifecycle.ts'
import { parseKeyUri } from '../providers/key-uri.ts'
import type { KeyProvider } from '../providers/provider.ts'
import type { RotationContext } from './context.ts'

/** What may be done to a key pair in its backend. */
export type BackendAction = 'disable' | 'destroy' | 'cancel-destruction'

/** What came of it. */
export interface BackendOutcome {
  readonly action: BackendAction
  /** `unsupported`: such a backend can't, and the state of the version alone protects. */
  readonly outcome: 'done' | 'failed' | 'unsupported'
  /** When the destruction of a key pair is final; until then it can be cancelled. */
  readonly effectiveAt: Date | undefined
  readonly error: CountersignError | undefined
}

/** Does something to the key pair of a version in its backend; never rejects. */
export async function actInBackend(
  context: RotationContext,
  action: BackendAction,
  version: KeyVersion,
): Promise<BackendOutcome> {
  try {
    const uri = parseKeyUri(version.uri)
    const provider = await context.providers.provider(uri)
    const done = await act(provider, action, { uri, publicKey: version.publicKey })
    if (done === undefined) return outcomeOf(action, 'unsupported')
    return outcomeOf(action, 'done', done)
  } catch (error) {
    return { ...outcomeOf(action, 'failed'), error: toCountersignError(error) }
  }
}

async function act(
  provider: KeyProvider,
  action: BackendAction,
  pair: PinnedKeyPair,
): Promise<Destruction | undefined> {
  const nothing = { effectiveAt: undefined }
  switch (action) {
    case 'disable':
      if (!canDisable(provider)) return undefined
      await provider.disable(pair)
      return nothing
    case 'destroy':
      return canDestroy(provider) ? provider.destroy(pair) : undefined
    case 'cancel-destruction':
      if (!canCancelDestruction(provider)) return undefined
      await provider.cancelDestruction(pair)
      return nothing
  }
}

function outcomeOf(
  action: BackendAction,
  outcome: BackendOutcome['outcome'],
  { effectiveAt }: Destruction = { effectiveAt: undefined },
): BackendOutcome {
  return { action, outcome, effectiveAt, error: undefined }
}
