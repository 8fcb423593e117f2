import { expect, test } from 'vitest'
import { findMistakes } from '../../src/config/mistakes.ts'
import { logVerifierKey, witnessVerifierKey } from '../../src/formats/note-key.ts'
import { testSigner } from '../support/signers.ts'

const pair = testSigner('EdDSA', 'witness').key
const one = witnessVerifierKey('w.example/1', pair).vkey
const renamed = witnessVerifierKey('w.example/2', pair).vkey
const other = witnessVerifierKey('w.example/2', testSigner('EdDSA', 'other').key).vkey
const url = 'https://w.example'

const pathsOf = (log: object): readonly string[] =>
  findMistakes({ log }, () => ({ kind: 'default' })).map(({ path }) => path)

test('witnesses of different key pairs with a quorum that can be reached are fine', () => {
  const witnesses = [
    { key: one, url },
    { key: other, url, logs: ['transparency'] },
  ]

  expect(pathsOf({ witnesses })).toEqual([])
  expect(
    pathsOf({ witnesses: witnesses.slice(0, 1), witnessQuorum: 1, waitForWitnesses: '5s' }),
  ).toEqual([])
})

test('one key pair under two names is refused', () => {
  const witnesses = [
    { key: one, url },
    { key: renamed, url },
  ]

  expect(pathsOf({ witnesses })).toEqual(['log.witnesses[1].key'])
})

test('a quorum of more witnesses than a log has is refused', () => {
  const witnesses = [
    { key: one, url },
    { key: other, url, logs: ['transparency'] },
  ]

  expect(pathsOf({ witnesses, witnessQuorum: 2 })).toEqual(['log.witnessQuorum'])
  expect(pathsOf({ witnessQuorum: 1 })).toEqual(['log.witnessQuorum'])
})

test('a key that is not a witness key, or a quorum of none, is refused', () => {
  const log = logVerifierKey('log.example', pair).vkey

  expect(pathsOf({ witnesses: [{ key: log, url }] })).toEqual(['log.witnesses[0].key'])
  expect(pathsOf({ waitForWitnesses: '5s' })).toEqual(['log.waitForWitnesses'])
  expect(
    pathsOf({ witnesses: [{ key: one, url, logs: ['audit'] }], waitForWitnesses: '5s' }),
  ).toEqual(['log.waitForWitnesses'])
})
