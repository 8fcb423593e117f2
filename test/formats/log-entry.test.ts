import { expect, test } from 'vitest'
import { withLogEntry, withoutLogEntries } from '../../src/formats/log-entry.ts'

const proven = {
  leaf: Buffer.from('a leaf'),
  index: 2,
  size: 3,
  root: Buffer.alloc(32, 1),
  hashes: [Buffer.alloc(32, 2)],
  checkpoint: 'log.example\n3\nAQ==\n\n— log.example AQ==\n',
  keyId: Buffer.alloc(32, 3),
}
const base64 = (byte: number): string => Buffer.alloc(32, byte).toString('base64')

const ENTRY = {
  logIndex: '2',
  logId: { keyId: base64(3) },
  kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
  inclusionProof: {
    logIndex: '2',
    rootHash: base64(1),
    treeSize: '3',
    hashes: [base64(2)],
    checkpoint: { envelope: proven.checkpoint },
  },
  canonicalizedBody: Buffer.from('a leaf').toString('base64'),
}

test('an entry in a bundle has a proof and a checkpoint, and neither a promise nor a time', () => {
  const bundle = { mediaType: 'x', verificationMaterial: { publicKey: { hint: 'k' } } }

  expect(withLogEntry(bundle, proven)).toEqual({
    mediaType: 'x',
    verificationMaterial: { publicKey: { hint: 'k' }, tlogEntries: [ENTRY] },
  })
})

test('an entry takes the place of those before it', () => {
  const bundle = { verificationMaterial: { tlogEntries: [{ logIndex: '7' }] } }

  expect(withLogEntry(bundle, proven)).toEqual({
    verificationMaterial: { tlogEntries: [ENTRY] },
  })
})

test('a bundle without its entries is the one that was signed, byte by byte', () => {
  const signed = { verificationMaterial: { publicKey: { hint: 'k' } }, dsseEnvelope: {} }

  expect(JSON.stringify(withoutLogEntries(withLogEntry(signed, proven)))).toBe(
    JSON.stringify(signed),
  )
  expect(withoutLogEntries({ dsseEnvelope: {} })).toEqual({ dsseEnvelope: {} })
})
