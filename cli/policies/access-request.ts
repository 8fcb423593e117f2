/** A request to the service as `policy test` is told of it. */
import type {
  AccessRequest,
  Action,
  AdministrativeAction,
  KeyFacts,
  RequestedSignature,
} from '../../src/access/action.ts'
import { CountersignError } from '../../src/errors.ts'
import {
  type JsonObject,
  type JsonValue,
  type ObjectReader,
  readObject,
} from '../../src/formats/json.ts'
import { suggestName } from '../../src/basics/suggest.ts'

type Builder = (key: KeyFacts, context: ObjectReader) => AccessRequest

const administrative =
  (action: AdministrativeAction): Builder =>
  (key, context) => ({ action, key, isForced: context.value('forced') === true })

/** Makes the request of each action; what the context leaves out is empty, as little as there can be. */
const BUILDERS: Readonly<Record<Action, Builder>> = {
  sign: (key, context) => ({ action: 'sign', key, subjects: readSubjects(context) }),
  signDigest: (key, context) => ({ action: 'signDigest', key, subjects: readSubjects(context) }),
  attest: (key, context) => ({
    action: 'attest',
    key,
    subjects: readSubjects(context),
    predicateTypes: readTexts(context, 'predicateTypes'),
    isProvenance: context.value('provenance') === true,
  }),
  issueToken: (key, context) => ({
    action: 'issueToken',
    key,
    audience: readTexts(context, 'audience'),
    lifetimeSeconds: readSeconds(context),
    claims: context.optionalObject('claims')?.json ?? {},
  }),
  createKey: administrative('createKey'),
  importKey: administrative('importKey'),
  rotateKey: administrative('rotateKey'),
  activateKey: administrative('activateKey'),
  relocateKey: administrative('relocateKey'),
  retireKey: administrative('retireKey'),
  revokeKey: administrative('revokeKey'),
  destroyKey: administrative('destroyKey'),
  approve: (key, context) => ({
    action: 'approve',
    key,
    approvedAction: parseAdministrative(context.text('approvedAction')),
  }),
  readKeys: (key) => ({ action: 'readKeys', key }),
  readLog: (key) => ({ action: 'readLog', key }),
}

const MEMBERS = [
  'subjects',
  'predicateTypes',
  'provenance',
  'audience',
  'lifetimeSeconds',
  'claims',
  'forced',
  'approvedAction',
]

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_USAGE', `--context is malformed: ${why}`, {
    hint: `it is a JSON object with some of ${MEMBERS.join(', ')}`,
  })
}

function isAction(name: string): name is Action {
  return Object.hasOwn(BUILDERS, name)
}

/**
 * Reads the name of an action.
 *
 * @throws {@link CountersignError} ERR_USAGE — there is no such action
 */
export function parseAction(name: string): Action {
  if (isAction(name)) return name
  const all = Object.keys(BUILDERS)
  const nearest = suggestName(name, all)
  throw new CountersignError('ERR_USAGE', `unknown action "${name}"`, {
    hint: nearest === undefined ? `choose one of ${all.join(', ')}` : `did you mean "${nearest}"?`,
  })
}

function parseAdministrative(name: string): AdministrativeAction {
  if (/^(create|import|rotate|activate|retire|revoke|destroy)Key$/.test(name)) {
    return name as AdministrativeAction
  }
  throw malformed(`"${name}" is no action that can be approved`)
}

/**
 * Makes the request of an action.
 *
 * @throws {@link CountersignError} ERR_USAGE — a context that is malformed or has an unknown member
 */
export function readAccessRequest(action: Action, key: KeyFacts, json: JsonValue): AccessRequest {
  const context = readObject(json, malformed, 'it')
  const unknown = context.names.find((name) => !MEMBERS.includes(name))
  if (unknown !== undefined) throw malformed(`it has an unknown member "${unknown}"`)
  return BUILDERS[action](key, context)
}

function readSubjects(context: ObjectReader): readonly RequestedSignature[] {
  if (context.value('subjects') === undefined) return [{ name: '', digests: [], annotations: {} }]
  return context.objects('subjects').map((subject) => ({
    name: subject.text('name'),
    digests: subject.value('digests') === undefined ? [] : readTexts(subject, 'digests'),
    annotations: readAnnotations(subject.optionalObject('annotations')),
  }))
}

function readAnnotations(annotations: ObjectReader | undefined): Readonly<Record<string, string>> {
  const names = annotations?.names ?? []
  return Object.fromEntries(names.map((name) => [name, annotations?.text(name) ?? '']))
}

/** A list of texts; one empty text where it is left out. */
function readTexts(context: ObjectReader, name: string): readonly string[] {
  const value = context.value(name) ?? ['']
  if (!Array.isArray(value)) throw malformed(`${name} is no list`)
  return value.map((item: JsonValue) => {
    if (typeof item === 'string') return item
    throw malformed(`${name} holds something else than texts`)
  })
}

function readSeconds(context: ObjectReader): number {
  const value = context.value('lifetimeSeconds') ?? 0
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw malformed('lifetimeSeconds is no whole number')
}

/** What `--claims` must hold at least. */
export interface CallerClaims {
  readonly issuer: string
  readonly subject: string
  readonly claims: JsonObject
}

/**
 * Reads the claims of a caller.
 *
 * @throws {@link CountersignError} ERR_USAGE — no JSON object with `iss` and `sub`
 */
export function readCallerClaims(json: JsonValue): CallerClaims {
  const fail = (why: string): CountersignError =>
    new CountersignError('ERR_USAGE', `--claims is malformed: ${why}`, {
      hint: 'it is the payload of an identity token, with iss and sub: countersign token inspect',
    })
  const claims = readObject(json, fail, 'it')
  return { issuer: claims.text('iss'), subject: claims.text('sub'), claims: claims.json }
}
