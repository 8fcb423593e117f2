/** What the plugins add to every request and route, and how a route reads it. */
import type { FastifyRequest } from 'fastify'
import type { AccessScope } from '../../access/action.ts'
import type { Caller } from '../../access/caller.ts'
import { CountersignError } from '../../errors.ts'
import type { Account } from './account.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a route needs a caller; a route that says nothing does. `optional`: a token is not needed, and must be good. */
    readonly auth?: 'required' | 'optional' | 'none'
    /** Actions of which a policy must permit one, coarsely, before the body is read; left out: none. */
    readonly actions?: readonly AccessScope['action'][]
    /** Whether requests have to queue, with a caller or without; left out: those with one do. */
    readonly isCostly?: boolean
    /** Whether its handler needs the JSON body as it was received, too. */
    readonly keepsBody?: boolean
    /** Whether its handler waits for nothing, so that it needs no deadline. */
    readonly answersAtOnce?: boolean
  }
  interface FastifyRequest {
    /** Who calls; undefined only on routes that need no caller. See {@link callerOf}. */
    caller: Caller | undefined
    /** Aborted when the request's time is over or the caller has disconnected; hand it to everything that waits. */
    deadline: AbortSignal
    /** When work that fails is tried again for the last time, in ms since the epoch: a little before the deadline. */
    until: number
    /** SHA-256 of the body as received, hex; undefined where there was none. */
    bodySha256: string | undefined
    /** A JSON body as received, until it is parsed; see `keepsBody`. */
    jsonBody: Uint8Array | undefined
    /** Whom the request is counted for. */
    account: Account
    /** Takes memory on that account until the request is answered; throws where it has too much. */
    takeMemory: (bytes: number) => void
  }
}

/**
 * Who calls, on a route that needs a caller.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — there is no caller: the route is public
 */
export function callerOf(request: Pick<FastifyRequest, 'caller'>): Caller {
  if (request.caller !== undefined) return request.caller
  throw new CountersignError('ERR_NOT_AUTHENTICATED', 'this request has no caller')
}

/** A request as operations take it: who asks, for how long, and whose turn of a backend it is. */
export interface AskedRequest {
  readonly caller: Caller
  readonly requestId: string
  readonly signal: AbortSignal
  readonly until?: number | undefined
  readonly owner?: string | undefined
}

/**
 * Reads a request on a route that needs a caller.
 *
 * @throws {@link CountersignError} as {@link callerOf}
 */
export function askedBy(request: FastifyRequest): AskedRequest {
  const { account, deadline: signal, id: requestId, until } = request
  return { caller: callerOf(request), requestId, signal, until, owner: account.owner }
}

/** The operation of the API that a request is for; `none` where its address has no route. */
export function operationOf({ routeOptions }: FastifyRequest): string {
  const { operationId = 'none' } = routeOptions.schema ?? {}
  return operationId
}

/** One text for one caller, by which limits and remembered answers are kept apart. */
export function callerId({ issuer, subject }: Caller): string {
  return `${issuer} ${subject}`
}
