import { describe, expect, test } from 'vitest'
import { parseKeyUri, serializeKeyUri } from '../../../src/providers/key-uri.ts'
import { keyInLocation, parseProviderReference } from '../../../src/providers/provider-reference.ts'
import { serverOrigin } from '../../../src/providers/openbao/settings.ts'
import { parseOpenBaoUri } from '../../../src/providers/openbao/uri.ts'
import { codeOf } from '../../support/errors.ts'

describe('a reference', () => {
  test('of cosign is read under both of its schemes', () => {
    const uri = { scheme: 'openbao', key: 'release' }

    expect(parseKeyUri('hashivault://release')).toEqual(uri)
    expect(parseKeyUri('openbao://release')).toEqual(uri)
  })

  test('states a version, an engine and a namespace', () => {
    const text = 'openbao://release?version=2&mount=team/transit&namespace=a/b'

    const uri = parseOpenBaoUri(text)

    expect(uri).toEqual({
      scheme: 'openbao',
      key: 'release',
      version: 2,
      mount: 'team/transit',
      namespace: 'a/b',
    })
    expect(serializeKeyUri(uri)).toBe(text)
  })

  test.each([
    'openbao:release',
    'openbao:///release',
    'openbao://release/1',
    'openbao://../sys/seal',
    'openbao://release?version=0',
    'openbao://release?version=01',
    'openbao://release?version=1&version=2',
    'openbao://release?mount=../sys',
    'openbao://release?mount=/transit',
    'openbao://release?mount=a//b',
    'openbao://release?namespace=',
    'openbao://release?token=s.1234',
    'openbao://release?address=https://bao.example.com',
    'openbao://release#1',
    `openbao://${'a'.repeat(300)}`,
  ])('is refused: %s', (text) => {
    expect(codeOf(() => parseOpenBaoUri(text))).toBe('ERR_KEY_URI_INVALID')
  })
})

test('an address is https, or http to this machine itself', () => {
  expect(serverOrigin('https://BAO.example.com/')).toBe('https://bao.example.com')
  expect(serverOrigin('http://127.0.0.1:8200')).toBe('http://127.0.0.1:8200')
  expect(serverOrigin('http://[::1]:8200')).toBe('http://[::1]:8200')
  expect(serverOrigin('https://user:secret@bao.example.com')).toBeUndefined()
  expect(serverOrigin('https://bao.example.com/path')).toBeUndefined()
  expect(serverOrigin('http://10.0.0.1:8200')).toBeUndefined()
  expect(serverOrigin('http://127.0.0.1.example.com')).toBeUndefined()
})

describe('a location', () => {
  const reference = parseProviderReference('openbao://?mount=team/transit&namespace=a')

  test('takes keys of its engine', () => {
    const complete = 'openbao://release?version=3&mount=team/transit&namespace=a'

    const found = keyInLocation(reference, parseKeyUri('openbao://release?version=3'))

    expect(serializeKeyUri(found)).toBe(complete)
  })

  test.each(['mount=transit', 'namespace=b'])('takes no key with %s', (parameter) => {
    const uri = parseKeyUri(`openbao://release?${parameter}`)

    expect(codeOf(() => keyInLocation(reference, uri))).toBe('ERR_KEY_URI_INVALID')
  })
})
