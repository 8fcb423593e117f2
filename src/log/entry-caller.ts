/** What an entry records of its caller: the verified claims that identify it, within bounds, never a token. */
import type { JsonObject, JsonValue } from '../formats/json.ts'
import type { EntryCaller } from './entry.ts'

/**
 * Claims that are logged: what names a workload and what it ran, by the issuers countersign knows
 * (GitHub, GitLab, Kubernetes, generic OIDC). No names, mail addresses or pictures of people.
 */
const LOGGED_CLAIMS: readonly string[] = [
  'jti',
  'azp',
  'client_id',
  'repository',
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'repository_visibility',
  'job_workflow_ref',
  'job_workflow_sha',
  'workflow_ref',
  'workflow_sha',
  'ref',
  'ref_type',
  'sha',
  'event_name',
  'environment',
  'run_id',
  'run_number',
  'run_attempt',
  'runner_environment',
  'actor_id',
  'namespace_id',
  'namespace_path',
  'project_id',
  'project_path',
  'pipeline_id',
  'pipeline_source',
  'job_id',
  'user_id',
  'ci_config_ref_uri',
  'ci_config_sha',
  'kubernetes.io',
]

const MAX_CLAIM_CHARACTERS = 1024
const MAX_CLAIMS_CHARACTERS = 8192
const MAX_NAME_CHARACTERS = 1024

/** Cuts a text that is only read by people, and marks that it did. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text
  return `${text.slice(0, characters - 1).toWellFormed()}…`
}

/**
 * Keeps of a caller what entries say: claims of the list above, whole or not at all, 8 Ki characters
 * together. Claims are as verified, but their values are the caller's or its issuer's.
 */
export function toEntryCaller({ issuer, subject, claims }: EntryCaller): EntryCaller {
  const kept: Record<string, JsonValue> = {}
  let total = 0
  for (const name of LOGGED_CLAIMS) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined
    const length = JSON.stringify(value ?? null).length
    if (value === undefined || value === null || length > MAX_CLAIM_CHARACTERS) continue
    if (total + length > MAX_CLAIMS_CHARACTERS) continue
    kept[name] = value
    total += length
  }
  return {
    issuer: cutText(issuer, MAX_NAME_CHARACTERS),
    subject: cutText(subject, MAX_NAME_CHARACTERS),
    claims: sortMembers(kept),
  }
}

/** The same object with the members of all objects in it by name: one text for one meaning. */
export function sortMembers(object: JsonObject): JsonObject {
  const names = Object.keys(object).toSorted()
  return Object.fromEntries(names.map((name) => [name, sortValue(object[name] ?? null)]))
}

function sortValue(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  return isList(value) ? value.map(sortValue) : sortMembers(value)
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}
