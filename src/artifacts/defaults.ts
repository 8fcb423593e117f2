/** What callers of the library leave open: the clock, and how registries are reached. */
import { assertMembers } from '../basics/arguments.ts'
import { createImageStores, type ImageStores, type RegistrySettings } from './image-stores.ts'
import type { ArtifactWorld } from './world.ts'

/** What every function of the library may be given. */
export interface CommonOptions {
  /** Default: the machine's clock. */
  readonly now?: (() => Date) | undefined
  readonly signal?: AbortSignal | undefined
  /** Default: TLS, the machine's certificate authorities, logins of docker and podman. */
  readonly registry?: RegistrySettings | undefined
}

/**
 * Makes sure that what every function may be given is what it must be.
 *
 * @throws TypeError — it is not
 */
export function assertCommon(options: CommonOptions): void {
  assertMembers('options', options, { now: 'function?', signal: 'signal?', registry: 'object?' })
  const { registry } = options
  if (registry === undefined) return
  assertMembers('registry', registry, { ca: 'text?', referrersMode: 'text?' })
  const { plainHttp } = registry
  if (plainHttp !== true) assertMembers('registry', registry, { plainHttp: 'texts?' })
}

/** The machine's clock, where the caller has no other. */
export function systemClock(): Date {
  return new Date()
}

/** Makes the world that work on artifacts is done in. */
export function toWorld({ now = systemClock, signal }: CommonOptions): ArtifactWorld {
  return { now, signal }
}

/** Prepares the opening of stores; nothing is loaded yet. */
export function defaultStores({ now = systemClock, registry }: CommonOptions): ImageStores {
  return createImageStores({
    variables: {},
    runtime: async () => {
      const { createRuntime } = await import('../basics/runtime.ts')
      return createRuntime(() => now().getTime())
    },
    ...(registry !== undefined && { settings: () => Promise.resolve(registry) }),
  })
}
