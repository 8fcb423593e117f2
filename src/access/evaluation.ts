/**
 * A request in the form Cedar evaluates. Only texts, numbers and booleans of the request get in, at
 * places chosen here: in Cedar's JSON an object may stand for an entity or a call (`__entity`, `__extn`),
 * so no object of a caller's is ever passed on.
 *
 * @packageDocumentation
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../formats/json.ts'
import type { AccessRequest, KeyFacts, RequestedSignature, SubjectFacts } from './action.ts'
import type { Caller } from './caller.ts'
import type { CedarValueJson, EntityJson } from './cedar.ts'
import type { Facts, MentionedNames } from './expression.ts'
import { CLAIM_ATTRIBUTES } from './schema.ts'

type Record_ = Record<string, CedarValueJson>
type Tags = Record<string, string>

/** One question to Cedar; a request with several subjects or audiences is several. */
export interface Evaluation {
  readonly principal: EntityId
  readonly action: EntityId
  readonly resource: EntityId
  readonly context: Record_
  readonly entities: EntityJson[]
}

interface EntityId {
  readonly type: string
  readonly id: string
}

/**
 * Makes the questions of a request; all must be answered with yes, and none at all means no. What no
 * policy mentions is left out or neutral, so that it neither costs time nor tells two requests apart
 * that no policy can.
 */
export function toEvaluations(
  caller: Caller,
  request: AccessRequest,
  names: MentionedNames,
): readonly Evaluation[] {
  const principal = { type: 'Caller', id: `${caller.issuer} ${caller.subject}` }
  const resource = toResource(request.key)
  const entities = [toCaller(caller, principal, names), resource]
  const action = { type: 'Action', id: request.action }
  const unique = new Map<string, Evaluation>()
  for (const { context, requested = [] } of toQuestions(request, names)) {
    unique.set(JSON.stringify([context, requested]), {
      principal,
      action,
      resource: resource.uid,
      context,
      entities: [...entities, ...requested],
    })
  }
  return [...unique.values()]
}

/** What an evaluation says about each of Cedar's variables, for people. */
export function toFacts({ context, entities }: Evaluation): Facts {
  const [principal, resource, requested] = entities.map(({ attrs, tags }) => ({ ...attrs, tags }))
  const named = Object.entries(context).map(([name, value]): [string, unknown] =>
    // A reference to what is requested: claims, or annotations.
    isReference(value) ? [name, requested] : [name, value],
  )
  return { principal, resource, context: Object.fromEntries(named) }
}

function isReference(value: CedarValueJson | undefined): boolean {
  return typeof value === 'object' && value !== null && '__entity' in value
}

interface KnownEntity extends EntityJson {
  readonly uid: { readonly type: string; readonly id: string }
}

function toResource({ name, use, algorithm }: KeyFacts): KnownEntity {
  return { uid: { type: 'Key', id: name }, attrs: { name, use, algorithm }, parents: [] }
}

function toCaller(caller: Caller, uid: EntityId, names: MentionedNames): EntityJson {
  const { kind, issuer, subject, claims } = caller
  const attrs: Record_ = { kind, issuer, subject }
  const optional: readonly (readonly [string, CedarValueJson | undefined])[] = [
    ...CLAIM_ATTRIBUTES.map((name) => [name, textOf(claims, name)] as const),
    ['groups', textsOf(claims, 'groups')],
    ['kubernetes', toKubernetes(claims)],
  ]
  for (const [name, value] of optional) {
    if (value !== undefined && names.attributes.has(name)) attrs[name] = value
  }
  const texts = Object.entries(claims).filter(
    (claim): claim is [string, string] => typeof claim[1] === 'string',
  )
  return { uid, attrs, parents: [{ type: 'Issuer', id: issuer }], tags: toTags(texts, names) }
}

function own(json: JsonObject | undefined, name: string): JsonValue | undefined {
  return json !== undefined && Object.hasOwn(json, name) ? json[name] : undefined
}

function textOf(json: JsonObject | undefined, name: string): string | undefined {
  const value = own(json, name)
  return typeof value === 'string' ? value : undefined
}

function textsOf(json: JsonObject, name: string): string[] | undefined {
  const value = own(json, name)
  if (!Array.isArray(value)) return undefined
  const texts = value.filter((item: JsonValue) => typeof item === 'string')
  return texts.length === value.length ? texts : undefined
}

function objectOf(json: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = own(json, name)
  return isJsonObject(value) ? value : undefined
}

/** The `kubernetes.io` claim of a bound service account token. */
function toKubernetes(claims: JsonObject): Record_ | undefined {
  const said = objectOf(claims, 'kubernetes.io')
  const namespace = textOf(said, 'namespace')
  if (namespace === undefined) return undefined
  const account = objectOf(said, 'serviceaccount')
  const parts = {
    serviceAccount: textOf(account, 'name'),
    serviceAccountUid: textOf(account, 'uid'),
    pod: textOf(objectOf(said, 'pod'), 'name'),
    node: textOf(objectOf(said, 'node'), 'name'),
  }
  const made: Record_ = { namespace }
  for (const [name, value] of Object.entries(parts)) if (value !== undefined) made[name] = value
  return made
}

function toTags(texts: readonly (readonly [string, string])[], names: MentionedNames): Tags {
  return Object.fromEntries(texts.filter(([name]) => names.tags?.has(name) ?? true))
}

/** One question, and the entity in its context that says what is requested. */
interface Question {
  readonly context: Record_
  readonly requested?: readonly EntityJson[]
}

function toClaims(claims: JsonObject, names: MentionedNames): EntityJson {
  const texts = Object.entries(claims).map(
    ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
  )
  return { uid: CLAIMS, attrs: {}, parents: [], tags: toTags(texts, names) }
}

const CLAIMS: EntityId = { type: 'Claims', id: 'requested' }

function toAnnotations(
  annotations: RequestedSignature['annotations'],
  names: MentionedNames,
): EntityJson {
  const all = Object.keys(annotations).sort()
  return {
    uid: ANNOTATIONS,
    attrs: { names: names.attributes.has('names') ? all : [] },
    parents: [],
    tags: toTags(Object.entries(annotations), names),
  }
}

const ANNOTATIONS: EntityId = { type: 'Annotations', id: 'requested' }

function toQuestions(request: AccessRequest, names: MentionedNames): readonly Question[] {
  const { attributes } = names
  /** Leaves out of a list what no policy looks at, but not that the list is empty. */
  const each = <T>(name: string, list: readonly T[], neutral: T): readonly T[] =>
    attributes.has(name) ? list : list.slice(0, 1).map(() => neutral)
  if ('isForced' in request) return [{ context: { forced: request.isForced } }]
  switch (request.action) {
    case 'sign':
    case 'signDigest':
      return request.subjects.map(({ annotations, ...subject }) => ({
        context: {
          subject: toSubject(attributes.has('subject') ? subject : NOTHING, attributes),
          annotations: { __entity: { ...ANNOTATIONS } },
        },
        requested: [toAnnotations(annotations, names)],
      }))
    case 'attest':
      return each('subject', request.subjects, NOTHING).flatMap((subject) =>
        each('predicateType', request.predicateTypes, '').map((predicateType) => ({
          context: {
            subject: toSubject(subject, attributes),
            predicateType,
            provenance: request.isProvenance,
          },
        })),
      )
    case 'issueToken':
      return each('audience', request.audience, '').map((audience) => ({
        context: {
          audience,
          lifetimeSeconds: attributes.has('lifetimeSeconds') ? request.lifetimeSeconds : 0,
          claims: { __entity: { ...CLAIMS } },
        },
        requested: [toClaims(request.claims, names)],
      }))
    case 'readKeys':
    case 'readLog':
      return [{ context: {} }]
    case 'approve':
      return [{ context: { approvedAction: request.approvedAction } }]
  }
}

const NOTHING: SubjectFacts = { name: '', digests: [] }

function toSubject({ name, digests }: SubjectFacts, attributes: ReadonlySet<string>): Record_ {
  return { name, digests: attributes.has('digests') ? [...digests] : [] }
}
