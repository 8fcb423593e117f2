import { expect, test } from 'vitest'
import { logAddress, logNameAt } from '../../src/formats/log-address.ts'

test.each([
  ['sign.example.com', 'https://sign.example.com'],
  ['192.0.2.7', 'https://192.0.2.7'],
  ['2001:db8::1', 'https://[2001:db8::1]'],
])('the log %s is at %s', (name, address) => {
  expect(logAddress(name)).toBe(address)
  expect(logNameAt(address)).toBe(name)
})

test('a text that is not a URL has no name', () => {
  expect(logNameAt('https://2001:db8::1')).toBeUndefined()
})
