/**
 * Where an artifact must come from: compared with provenance whose signature has been verified. A
 * predicate says whatever its author wrote, so the builder comes first: only provenance that the service
 * itself made counts, or that of a builder which the verifier names.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { isJsonObject, type JsonValue } from '../formats/json.ts'
import { githubBuilderId } from '../formats/predicates/builder.ts'
import {
  GITHUB_BUILD_TYPE,
  PROVENANCE_PREDICATE_TYPE,
} from '../formats/predicates/github-provenance.ts'
import { type Policy, SIGNATURE_POLICY, type SourceDemand } from './policy.ts'
import type { TrustMaterial } from './trust.ts'

/** A demand as people write it. */
export interface SourceText {
  /** `OWNER/NAME`, or an address. */
  readonly repository?: string | undefined
  readonly workflow?: string | undefined
  readonly builders?: readonly string[] | undefined
}

function usage(message: string, hint: string): CountersignError {
  return new CountersignError('ERR_USAGE', message, { hint })
}

/**
 * Reads a demand; undefined where nothing is demanded.
 *
 * @param server - address of the GitHub whose repositories are named without one; default: github.com
 * @throws {@link CountersignError} ERR_USAGE
 */
export function parseSource(
  { repository, workflow, builders = [] }: SourceText,
  server?: string,
): SourceDemand | undefined {
  if (repository === undefined && workflow === undefined && builders.length === 0) return undefined
  const unusual = builders.find((builder) => !/^[a-z][a-z0-9+.-]*:\S+$/i.test(builder))
  if (unusual !== undefined) {
    throw usage(`builder is "${unusual}"`, 'write its id as the provenance has it, a URI')
  }
  return {
    ...(repository !== undefined && { repository: toAddress(repository, server) }),
    ...(workflow !== undefined && { workflow }),
    builders,
  }
}

function toAddress(repository: string, server = ''): string {
  const base = server.replace(/\/+$/, '') || 'https://github.com'
  if (/^[\w.-]+\/[\w.-]+$/.test(repository)) return `${base}/${repository}`
  if (/^https?:\/\/[^\s/]+\/\S*[^\s/]$/.test(repository)) return repository
  throw usage(`repository is "${repository}"`, 'write it as OWNER/NAME, or its whole address')
}

/**
 * The predicate types that a policy demands: with a source also its provenance, and without anything a
 * plain signature.
 */
export function demandTypes(
  types: Policy['predicateTypes'],
  source: SourceDemand | undefined,
): Policy['predicateTypes'] {
  if (types === 'any') return types
  const all = source === undefined ? types : [...types, PROVENANCE_PREDICATE_TYPE]
  return all.length === 0 ? SIGNATURE_POLICY.predicateTypes : [...new Set(all)]
}

/**
 * Refuses a demand that nothing can meet: no trusted key belongs to a service, and no builder is named.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function assertBuilderKnown({ source }: Policy, trust: TrustMaterial): void {
  if (source === undefined || source.builders.length > 0) return
  if (trust.keys.some(({ issuer }) => issuer !== undefined)) return
  throw usage(
    'no trusted key belongs to a service alone, so no provenance counts',
    'trust what a service publishes, or name the builder',
  )
}

/** Lists what is demanded, for people. */
export function describeSource({
  repository,
  workflow,
  builders,
}: SourceDemand): readonly { readonly name: string; readonly wanted: string }[] {
  return [
    ...(repository === undefined ? [] : [{ name: 'repository', wanted: repository }]),
    ...(workflow === undefined ? [] : [{ name: 'workflow', wanted: workflow }]),
    { name: 'builder', wanted: builders.join(' or ') || 'the service that signed' },
  ]
}

/**
 * Refuses provenance of another builder or another source; answers what it names.
 *
 * @param demand - with the address of the service that signs with the key that signed
 * @throws {@link CountersignError} ERR_IDENTITY_MISMATCH — with what was expected and what was found
 */
export function assertSource(
  predicate: JsonValue | undefined,
  { source, service }: { readonly source: SourceDemand; readonly service: string | undefined },
): string {
  const found = readSource(predicate)
  const own = service === undefined ? undefined : githubBuilderId(service)
  const isBuilder =
    source.builders.length === 0
      ? found.builder === own
      : source.builders.some((id) => found.builder === id || found.builder.startsWith(`${id}@`))
  if (!isBuilder) {
    const expected = source.builders.length === 0 ? [own ?? 'a service'] : source.builders
    throw mismatch('builder', expected.join(' or '), found.builder)
  }
  for (const name of ['repository', 'workflow'] as const) {
    const expected = source[name]
    if (expected !== undefined && found[name] !== expected) {
      throw mismatch(name, expected, found[name])
    }
  }
  return `${found.repository} ${found.workflow} by ${found.builder}`
}

/** Characters of what a predicate names that a message shows. */
const MAX_SHOWN = 200

function mismatch(
  what: keyof ReturnType<typeof readSource>,
  expected: string,
  named: string,
): CountersignError {
  const actual = named.slice(0, MAX_SHOWN)
  const got = actual === '' ? 'names nothing' : `names "${actual}"`
  return new CountersignError(
    'ERR_IDENTITY_MISMATCH',
    `the provenance ${got} as ${what}, expected "${expected}"`,
    {
      hint:
        what === 'builder'
          ? 'every caller that may attest can write provenance; only that of the trusted service counts, unless another builder is named'
          : 'check which repository and workflow are demanded, and where the artifact comes from',
      details: { expected, actual },
    },
  )
}

interface Source {
  readonly builder: string
  readonly repository: string
  readonly workflow: string
}

/** What is missing, or means something else by another build type, is empty. */
function readSource(predicate: JsonValue | undefined): Source {
  const definition = member(predicate, 'buildDefinition')
  const isGithub = member(definition, 'buildType') === GITHUB_BUILD_TYPE
  const parameters = isGithub ? member(definition, 'externalParameters') : undefined
  const workflow = member(parameters, 'workflow')
  const builder = member(member(predicate, 'runDetails'), 'builder')
  return {
    builder: textOf(builder, 'id'),
    repository: textOf(workflow, 'repository'),
    workflow: textOf(workflow, 'path'),
  }
}

function textOf(value: JsonValue | undefined, name: string): string {
  const text = member(value, name)
  return typeof text === 'string' ? text : ''
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return value !== undefined && isJsonObject(value) && Object.hasOwn(value, name)
    ? value[name]
    : undefined
}
