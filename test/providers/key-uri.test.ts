import { expect, test } from 'vitest'
import {
  assertNoSecret,
  displayKeyUri,
  parseKeyUri,
  serializeKeyUri,
} from '../../src/providers/key-uri.ts'

test.each([
  ['key.pem', { scheme: 'file', path: 'key.pem' }],
  ['./keys/a b.pem', { scheme: 'file', path: './keys/a b.pem' }],
  ['file:key.pem', { scheme: 'file', path: 'key.pem' }],
  ['file:/etc/key.pem', { scheme: 'file', path: '/etc/key.pem' }],
  ['file:///etc/key.pem', { scheme: 'file', path: '/etc/key.pem' }],
  ['env://RELEASE_KEY', { scheme: 'env', name: 'RELEASE_KEY' }],
  ['https://keys.example/k.pem', { scheme: 'https', url: 'https://keys.example/k.pem' }],
  ['http://127.0.0.1:8080/k.pem', { scheme: 'https', url: 'http://127.0.0.1:8080/k.pem' }],
  ['pkcs11:token=prod;object=release', { scheme: 'pkcs11', token: 'prod', object: 'release' }],
])('parseKeyUri reads %s', (text, uri) => {
  expect(parseKeyUri(text)).toEqual(uri)
  expect(parseKeyUri(serializeKeyUri(parseKeyUri(text)))).toEqual(uri)
})

test.each([
  ['an empty text', ''],
  ['an empty path', 'file:'],
  ['a NUL in a path', 'a\0b'],
  ['an unknown scheme', 'gcpkms://a'],
  ['an environment variable with a path', 'env://A/B'],
  ['an address with a password', 'https://u:p@example.com/k.pem'],
  ['a broken address', 'https://'],
  ['plain http to another machine', 'http://127.0.0.1.example.com/k.pem'],
])('parseKeyUri refuses %s', (_, text) => {
  expect(() => parseKeyUri(text)).toThrow(expect.objectContaining({ code: 'ERR_KEY_URI_INVALID' }))
})

test('displayKeyUri hides a PIN and nothing else', () => {
  const uri = parseKeyUri('pkcs11:token=a?pin-value=1234')

  expect(displayKeyUri(uri)).toBe('pkcs11:token=a?pin-value=hidden')
  expect(displayKeyUri(parseKeyUri('pkcs11:token=a'))).toBe('pkcs11:token=a')
  expect(displayKeyUri(parseKeyUri('key.pem'))).toBe('file:key.pem')
})

test('assertNoSecret refuses a PIN in a reference that is kept, without repeating it', () => {
  expect(() => {
    assertNoSecret(parseKeyUri('pkcs11:token=a?pin-value=1234'))
  }).toThrow(
    expect.objectContaining({
      code: 'ERR_KEY_URI_INVALID',
      details: { uri: 'pkcs11:token=a?pin-value=hidden' },
    }),
  )
  expect(() => {
    assertNoSecret(parseKeyUri('pkcs11:token=a?pin-source=file:/run/pin'))
    assertNoSecret(parseKeyUri('key.pem'))
  }).not.toThrow()
})
