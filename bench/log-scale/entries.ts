/** Operations as a service has them: signatures of files by ES256, for jobs as GitHub Actions describes them. */
import { randomFillSync, randomUUID } from 'node:crypto'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import type { SignatureEntry } from '../../src/log/entry.ts'
import { signatureLeaf } from '../../src/log/public-leaf.ts'
import type { Leaf } from '../../src/log/append-leaves.ts'
import { GITHUB_CLAIMS, GITHUB_ISSUER } from '../../src/testing/github-claims.ts'

/** What one operation adds to both logs. */
export interface Operation {
  readonly entry: SignatureEntry
  readonly leaf: Leaf
}

/** Makes an operation of its own: every digest, id and signature in it is random. */
export function createOperation(key: PublicKeyInfo, time: Date): Operation {
  const digest = `sha256:${randomHex(32)}` as const
  const entry: SignatureEntry = {
    type: 'signature',
    time,
    requestId: randomUUID(),
    caller: createCaller(),
    key: { name: 'release', version: 1, kid: key.kid },
    digests: [digest],
    predicateType: undefined,
    bundleSha256: randomHex(32),
    timestamp: { kid: STAMPER_KID, time },
    backendRequestId: undefined,
    answerSha256: randomHex(32),
  }
  return { entry, leaf: signatureLeaf(key, { content: 'file', digest, signature: createDer() }) }
}

const STAMPER_KID = 'Wl0OEYXohTq9ao4efyCvR9p0dHWx-ejgYRg9hxKO-Y8'

function createCaller(): SignatureEntry['caller'] {
  const claims = {
    ...GITHUB_CLAIMS,
    jti: randomUUID(),
    run_id: String(takeRandom(5).readUIntBE(0, 5)),
    sha: randomHex(20),
    workflow_sha: randomHex(20),
  }
  return { issuer: GITHUB_ISSUER, subject: GITHUB_CLAIMS['sub'] ?? '', claims }
}

const POOL = Buffer.alloc(65_536)
let taken = POOL.length

/** Random bytes, each handed out once: many are made at a time, which costs a tenth. */
function takeRandom(bytes: number): Buffer {
  if (taken + bytes > POOL.length) {
    randomFillSync(POOL)
    taken = 0
  }
  taken += bytes
  return POOL.subarray(taken - bytes, taken)
}

function randomHex(bytes: number): string {
  return takeRandom(bytes).toString('hex')
}

/** A signature in DER, as long as most are: two positive numbers of 32 bytes, of which one begins with a zero. */
function createDer(): Uint8Array {
  const [r, s] = [takeRandom(32), takeRandom(32)]
  r[0] = 0x80 | (r[0] ?? 0)
  s[0] = 0x40 | ((s[0] ?? 0) & 0x3f)
  return Buffer.concat([Buffer.of(0x30, 69, 0x02, 33, 0), r, Buffer.of(0x02, 32), s])
}
