import { expect, test } from 'vitest'
import type { Cryptoki, TokenInfo } from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import { findToken, listTokens } from '../../../../src/providers/pkcs11/native/slots.ts'
import type { Pkcs11Uri } from '../../../../src/providers/pkcs11/uri.ts'
import { fakeCryptoki, pkcs11Error } from '../../../support/cryptoki.ts'

const INITIALIZED = 0x400

const PROD: TokenInfo = {
  label: 'prod'.padEnd(32),
  manufacturerID: 'Maker'.padEnd(32),
  model: 'M1'.padEnd(16),
  serialNumber: 's-1'.padEnd(16, '\0'),
  flags: INITIALIZED,
}

/** A module with these tokens in slots 0, 1, 2…; undefined for a token that can't be read. */
function moduleWith(...tokens: readonly (TokenInfo | undefined)[]): Cryptoki {
  return fakeCryptoki({
    C_GetInfo: () => ({
      manufacturerID: 'Library Maker'.padEnd(32),
      libraryDescription: 'A Library'.padEnd(32),
      libraryVersion: { major: 2, minor: 6 },
    }),
    C_GetSlotList: () =>
      tokens.map((_, index) => {
        const slot = Buffer.alloc(8)
        slot.writeUInt32LE(index)
        return slot
      }),
    C_GetSlotInfo: (slot) => ({
      slotDescription: `Slot ${slot[0] ?? ''}`.padEnd(64),
      manufacturerID: 'Slot Maker'.padEnd(32),
    }),
    C_GetTokenInfo: (slot) => {
      const info = tokens[slot[0] ?? 0]
      if (info === undefined) throw pkcs11Error(0xe1, 'CKR_TOKEN_NOT_RECOGNIZED')
      return info
    },
  })
}

test('tokens are listed without padding; those not initialized or not readable are left out', () => {
  const module = moduleWith(undefined, { ...PROD, flags: 0 }, PROD)

  expect(listTokens(module).tokens).toMatchObject([
    { slotId: 2, label: 'prod', manufacturer: 'Maker', model: 'M1', serial: 's-1' },
  ])
})

test('slot numbers are read from short handles too', () => {
  const slot = Buffer.from([7, 0, 0, 0])
  const module = fakeCryptoki({ C_GetSlotList: () => [slot], C_GetTokenInfo: () => PROD })

  expect(listTokens(module).tokens).toMatchObject([{ slotId: 7 }])
})

const other = { ...PROD, label: 'other'.padEnd(32), serialNumber: 's-2'.padEnd(16), model: 'M2' }

test.each([
  { token: 'prod' },
  { serial: 's-1' },
  { model: 'M1' },
  { slotId: 0 },
  { slotDescription: 'Slot 0' },
  { token: 'prod', manufacturer: 'Maker', slotManufacturer: 'Slot Maker' },
  { token: 'prod', libraryManufacturer: 'Library Maker', libraryVersion: '2.6' },
  { token: 'prod', libraryDescription: 'A Library' },
] satisfies Partial<Pkcs11Uri>[])('%j finds the one token it means', (attributes) => {
  const module = moduleWith(PROD, other)

  expect(findToken(module, { scheme: 'pkcs11', ...attributes }).label).toBe('prod')
})

test('a reference without token attributes means the only token', () => {
  expect(findToken(moduleWith(PROD), { scheme: 'pkcs11', object: 'key' }).label).toBe('prod')
})

test.each([
  { token: 'PROD' },
  { token: 'prod', serial: 's-2' },
  { slotId: 9 },
  { token: 'prod', slotDescription: 'Slot 1' },
  { token: 'prod', slotManufacturer: 'Other' },
  { token: 'prod', manufacturer: 'Other' },
  { token: 'prod', libraryManufacturer: 'Other' },
  { token: 'prod', libraryDescription: 'Nothing' },
  { token: 'prod', libraryVersion: '2' },
  { token: 'prod', libraryVersion: '2.7' },
] satisfies Partial<Pkcs11Uri>[])('%j finds no token and says which there are', (attributes) => {
  const module = moduleWith(PROD, other)

  expect(() => findToken(module, { scheme: 'pkcs11', ...attributes })).toThrow(
    expect.objectContaining({
      code: 'ERR_TOKEN_NOT_FOUND',
      hint: 'the module sees pkcs11:token=prod;serial=s-1;slot-id=0 pkcs11:token=other;serial=s-2;slot-id=1',
    }),
  )
})

test('a module without tokens says so', () => {
  expect(() => findToken(moduleWith(), { scheme: 'pkcs11' })).toThrow(
    expect.objectContaining({
      code: 'ERR_TOKEN_NOT_FOUND',
      hint: 'the module sees no token at all',
    }),
  )
})

test('a reference that several tokens match is refused', () => {
  expect(() => findToken(moduleWith(PROD, other), { scheme: 'pkcs11' })).toThrow(
    expect.objectContaining({
      code: 'ERR_KEY_URI_INVALID',
      message: '2 tokens match the key reference',
    }),
  )
})
