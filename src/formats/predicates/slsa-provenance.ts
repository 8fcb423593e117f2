/**
 * The shape of SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance): its required members and
 * the resource descriptors in it. What the members mean is the builder's business.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'
import { type JsonObject, type ObjectReader, readObject } from '../json.ts'
import { assertResourceDescriptor } from '../statement.ts'

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_PREDICATE_INVALID', `malformed SLSA provenance v1: ${why}`, {
    hint: 'see https://slsa.dev/spec/v1.0/provenance for the required members',
  })
}

/**
 * Refuses a predicate that is not an SLSA provenance v1.
 *
 * @throws {@link CountersignError} ERR_PREDICATE_INVALID
 */
export function assertSlsaProvenance(predicate: JsonObject): void {
  const provenance = readObject(predicate, malformed, 'it')
  const definition = provenance.object('buildDefinition')
  assertText(definition, 'buildType')
  definition.object('externalParameters')
  definition.optionalObject('internalParameters')
  assertDescriptors(definition, 'resolvedDependencies')

  const run = provenance.object('runDetails')
  const builder = run.object('builder')
  assertText(builder, 'id')
  assertDescriptors(builder, 'builderDependencies')
  const metadata = run.optionalObject('metadata')
  for (const time of ['startedOn', 'finishedOn']) {
    const text = metadata?.optionalText(time)
    if (text !== undefined && Number.isNaN(Date.parse(text)))
      throw malformed(`${time} is not a time`)
  }
  assertDescriptors(run, 'byproducts')
}

function assertText(reader: ObjectReader, name: string): void {
  if (reader.text(name) === '') throw malformed(`${name} is empty`)
}

function assertDescriptors(reader: ObjectReader, name: string): void {
  try {
    for (const descriptor of reader.objects(name, 'optional')) {
      assertResourceDescriptor(descriptor.json)
    }
  } catch (error) {
    if (CountersignError.is(error, 'ERR_STATEMENT_INVALID'))
      throw malformed(`${name}: ${error.message}`)
    throw error
  }
}
