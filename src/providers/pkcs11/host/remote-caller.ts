/**
 * Makes calls with modules that are loaded into processes of their own, one for each.
 *
 * @packageDocumentation
 */
import { realpath } from 'node:fs/promises'
import { assertNotCancelled } from '../../../basics/cancellation.ts'
import type { AnswerOf, CallName, RequestOf, TokenCaller } from '../calls.ts'
import { Lanes } from './lanes.ts'
import { Supervisor, type SupervisorOptions } from './supervisor.ts'

/** What every module is started with. */
export type RemoteOptions = Omit<SupervisorOptions, 'modulePath' | 'refusals'>

interface RemoteModule {
  readonly supervisor: Supervisor
  readonly lanes: Lanes
}

/** Starts the process of a module with its first call, and ends all of them when it is disposed. */
export function createRemoteCaller(options: RemoteOptions): TokenCaller {
  const modules = new Map<string, RemoteModule>()

  function open(modulePath: string): RemoteModule {
    const known = modules.get(modulePath)
    if (known !== undefined) return known
    const module = {
      supervisor: new Supervisor({ ...options, modulePath, refusals: new Set() }),
      lanes: new Lanes(options.maxSessions),
    }
    modules.set(modulePath, module)
    return module
  }

  let isClosed = false
  return {
    async call<Name extends CallName>(
      name: Name,
      request: RequestOf<Name>,
      signal?: AbortSignal,
    ): Promise<AnswerOf<Name>> {
      assertNotCancelled(signal)
      if (!('uri' in request)) throw new TypeError(`${name} is not for callers`)
      const { uri } = request
      const path = uri.modulePath ?? ''
      // A module under two names is one.
      const { supervisor, lanes } = open(await realpath(path).catch(() => path))
      if (isClosed) await supervisor.close()
      return lanes.run(uri, () => supervisor.call(name, request, uri, signal), signal)
    },
    async [Symbol.asyncDispose]() {
      isClosed = true
      await Promise.all([...modules.values()].map(({ supervisor }) => supervisor.close()))
    },
  }
}
