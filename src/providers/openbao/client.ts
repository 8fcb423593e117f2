/** Calls to one server with the token of a session. */
import type { Runtime } from '../../basics/runtime.ts'
import { CountersignError } from '../../errors.ts'
import type { JsonObject } from '../../formats/json.ts'
import type { BaoCall } from './causes/cause.ts'
import { foundError } from './errors.ts'
import { type LoginContext, lookUpToken } from './login.ts'
import { BaoSession } from './session.ts'
import type { TransitServer } from './settings.ts'
import { type BaoSend, createTransport } from './transport.ts'

/** A call below the transit engine of a client, or below another mount. */
export interface ClientCall extends Pick<BaoCall, 'method' | 'path' | 'key' | 'version'> {
  readonly body?: JsonObject
  readonly signal?: AbortSignal | undefined
}

/** One server, as the namespace and the engine of a reference. */
export interface BaoClient {
  readonly server: TransitServer
  /** Makes a call; `path` is below `/v1/`. */
  call(call: ClientCall): Promise<JsonObject>
  /** Makes a call without a token. */
  callAnonymously(call: ClientCall): Promise<JsonObject>
  /** Gives the token for a call that is made now. */
  token(signal?: AbortSignal): Promise<string>
}

/** What a client takes. */
export interface ClientContext extends Pick<LoginContext, 'env' | 'readSecret'> {
  readonly runtime: Runtime
}

/**
 * Makes the client of a server; nothing is sent yet.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — a login that is not complete
 */
export function createBaoClient(server: TransitServer, context: ClientContext): BaoClient {
  const { runtime } = context
  const send = createTransport(server.address, runtime)
  const { namespace, mount } = server
  const session = new BaoSession({ ...context, send, namespace, now: runtime.now })
  return {
    server,
    token: (signal) => session.token(signal),
    callAnonymously: (call) => send({ mount, ...call }),
    call: (call) => callWith(session, send, { mount, namespace, ...call }),
  }
}

/** A token that ended, or was renewed by others, is replaced once; the server tells both from a policy by no text. */
async function callWith(
  session: BaoSession,
  send: BaoSend,
  call: ClientCall & BaoCall,
): Promise<JsonObject> {
  const token = await session.token(call.signal)
  try {
    return await send({ ...call, token })
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_NOT_ALLOWED')) throw error
    if ((await lookUpToken(token, { send, namespace: call.namespace })) !== undefined) throw error
    const next = await session.replace(token, call.signal)
    if (next === undefined) throw foundError('token-invalid', call, { cause: error })
    return send({ ...call, token: next })
  }
}
