/** Documents that every release must refuse: changed, of a later version, or signed by a key that is not trusted. */
import { extname } from 'node:path'
import { signHistory } from '../../src/service/publishing/published-pages.ts'
import { changeBehind } from '../../test/support/changed-text.ts'
import { goldenSigner, type Made } from './release.ts'
import { makeBundleBy } from './signatures.ts'
import { makeToken } from './tokens.ts'
import { goldenHistory } from './trust.ts'

/** Titles of what is changed, and where. */
const CHANGES: readonly (readonly [kind: string, title: string, pattern: RegExp, why: string])[] = [
  ['bundle', 'ES256 file none', /"signature":"M.{20}/, 'signature'],
  ['bundle', 'ES256 file none', /"digest":"/, 'digest'],
  ['bundle', 'ES256 attestation none', /"sig":"M.{20}/, 'signature'],
  ['bundle', 'ES256 attestation none', /"payload":"eyJ/, 'payload'],
  ['bundle', 'ES256 signature logged', /"hashes":\["/, 'proof'],
  ['bundle', 'ES256 signature logged', /"canonicalizedBody":"eyJ/, 'leaf'],
  ['bundle', 'ES256 signature logged', /"keyId":"/, 'log'],
  ['bundle', 'ES256 signature logged', /log\.example\\n/, 'checkpoint'],
  ['bundle', 'ES256 signature stamped', /"signedTimestamp":"[^"]+(?=[^"]{13}")/, 'time-stamp'],
  ['bundle', 'ES256 batch-member none', /"statement":"eyJ/, 'statement'],
  ['bundle', 'ES256 batch-member none', /"hashes":\["/, 'proof'],
  ['bundle', 'ES256 batch-member none', /"payload":"eyJ/, 'payload'],
  ['image-signature', 'ES256', /"signature": "M.{20}/, 'signature'],
  ['image-signature', 'ES256', /"payload": "eyJ/, 'payload'],
  ['image-attestation', 'ES256', /"payload": "eyJ/, 'payload'],
  ['key-history', 'ES256', /"payload":"eyJ.{20}/, 'payload'],
  ['key-history', 'ES256', /"sig":"M.{20}/, 'signature'],
  [
    'trusted-root',
    'of a service',
    /"mediaType":"application\/vnd.dev.sigstore.trustedroot/,
    'media-type',
  ],
  ['trusted-root', 'of a service', /"start":"/, 'window'],
  ['checkpoint', 'audit', /audit\n|countersign\n/, 'size'],
  ['checkpoint', 'transparency', /— log\.example .{8}/, 'signature'],
  ['cosigned-checkpoint', 'by a witness', /— witness\.example .{20}/, 'cosignature'],
  ['tlog-proof', 'of the last leaf', /index \d+\n/, 'hash'],
  ['token', 'ES256', /^eyJ[^.]*\.eyJ/, 'claims'],
  ['token', 'ES256', /\.[^.]*\./, 'signature'],
  ['anchor', 'of both logs', /"compromisedSince": "/, 'time'],
  ['stored-leaf', '0-state', /^/, 'form'],
]

/** Makes them of what is right. */
export async function makeRejects(made: readonly Made[]): Promise<readonly Made[]> {
  const changed = CHANGES.map(([kind, title, pattern, why]) => {
    const original = made.find((one) => one.kind === kind && one.title === title)
    if (original === undefined) throw new TypeError(`no ${kind} "${title}"`)
    return change(original, pattern, why)
  })
  return [...changed, ...(await makeOthers())]
}

function change(original: Made, pattern: RegExp, why: string): Made {
  const text = Buffer.from(original.bytes).toString()
  return rejected({ ...original, bytes: changeBehind(text, pattern) }, `changed ${why}`)
}

async function makeOthers(): Promise<readonly Made[]> {
  const stranger = goldenSigner('stranger')
  const history = { kind: 'key-history', path: 'keys.json', title: 'ES256' } as const
  return [
    rejected(await makeBundleBy('stranger'), 'by another key'),
    rejected(await makeBundleBy('revoked'), 'by a revoked version'),
    rejected(await makeBundleBy('pending'), 'by a version before its time'),
    rejected(await makeBundleBy('digest'), 'by a key for files'),
    rejected({ ...history, bytes: await signHistory(goldenHistory(), stranger) }, 'by another key'),
    rejected(await makeToken(stranger, 'tokens'), 'by another key'),
  ]
}

function rejected(document: Made, why: string): Made {
  const { bytes, kind, title, vkey } = document
  const { algorithm, evidence } = document
  const name = `${kind} ${title} ${why}`.replaceAll(/[^\w]+/g, '-')
  const path = `rejects/${name}${extname(document.path)}`
  return {
    kind,
    path,
    title: `${title}, ${why}`,
    bytes,
    ...(algorithm !== undefined && { algorithm }),
    ...(evidence !== undefined && { evidence }),
    ...(vkey !== undefined && { vkey }),
    ...(document.beside !== undefined && { beside: document.beside }),
  }
}
