import { expect, test } from 'vitest'
import { findMistakes } from '../../src/config/mistakes.ts'
import { inRegions, parseProviderReference } from '../../src/providers/provider-reference.ts'

const REGIONS = ['eu-west-1', 'eu-central-1']

const pathsOf = (provider: string, regions: readonly string[]): readonly string[] =>
  findMistakes({ keys: { release: { use: 'artifact', provider, regions } } }, () => ({
    kind: 'default',
  })).map(({ path }) => path)

test.each(['awskms:///', 'awskms:///alias/release', 'awskms:///?profile=build'])(
  'the keys of %s can be in several regions',
  (provider) => {
    expect(pathsOf(provider, REGIONS)).toEqual([])
    expect(parseProviderReference(inRegions(provider, REGIONS))).toBeDefined()
  },
)

test.each([
  ['a reference that names its region', 'awskms:///?region=eu-west-1', REGIONS],
  ['a key of one region', 'awskms:///1234abcd-12ab-34cd-56ef-1234567890ab', REGIONS],
  ['one region', 'awskms:///', ['eu-west-1']],
  ['a region twice', 'awskms:///', ['eu-west-1', 'eu-west-1']],
  ['what is not a region', 'awskms:///', ['eu-west-1', 'EU Ireland']],
  ['more than one parameter', 'awskms:///', ['eu-west-1', 'eu-central-1&profile=other']],
  ['keys of files', 'file:keys/', REGIONS],
])('%s is refused', (_, provider, regions) => {
  expect(pathsOf(provider, regions)).toEqual(['keys.release.regions'])
})

test('each version is named in all regions', () => {
  const reference = parseProviderReference(inRegions('awskms:///', REGIONS))
  if (reference.kind !== 'location') throw new TypeError('expected a location')

  expect(reference.location.versionUri({ key: 'release', version: 2, mark: '00' })).toEqual({
    scheme: 'awskms',
    keyId: 'alias/countersign-release-2',
    regions: REGIONS,
  })
})
