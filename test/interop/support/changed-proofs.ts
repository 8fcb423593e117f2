/** What tests change of a bundle and of what it is verified with: each makes every verifier refuse it. */
import { generateKeyPairSync } from 'node:crypto'

/** Of a bundle with an entry, what tests change. */
export interface Bundle {
  messageSignature?: { messageDigest: { digest: string } }
  dsseEnvelope?: { payload: string }
  verificationMaterial: {
    tlogEntries: [Entry]
    timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: string }] }
  }
}

export interface Entry {
  canonicalizedBody: string
  inclusionProof: { hashes: [string, ...string[]]; checkpoint: { envelope: string } }
}

/** Of a trusted root, likewise. */
export interface Root {
  tlogs: { publicKey: { rawBytes: string } }[]
}

/** What is verified, and with what. */
export interface Material {
  readonly bundle: Bundle
  readonly root: Root
}

/** Changes a copy of what is verified. */
export type Change = (material: Material) => void

/** With another last byte: of a signature, of a hash. */
const flipped = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  return bytes.toString('base64')
}

/** With another time, a second off: the first GeneralizedTime of a stamp is its own. */
const restamped = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64')
  const second = bytes.indexOf(Buffer.from([0x18, 0x0f])) + 15
  bytes.writeUInt8(bytes.readUInt8(second) ^ 1, second)
  return bytes.toString('base64')
}

const stampsOf = ({ verificationMaterial }: Bundle): [{ signedTimestamp: string }] =>
  verificationMaterial.timestampVerificationData.rfc3161Timestamps

/** Changes that no verifier may pass over. */
export const CHANGES: readonly { readonly what: string; readonly change: Change }[] = [
  {
    what: 'the proof',
    change: ({ bundle }) => {
      const { hashes } = entryOf(bundle).inclusionProof
      hashes[0] = flipped(hashes[0])
    },
  },
  {
    what: 'the checkpoint',
    change: ({ bundle }) => {
      const { checkpoint } = entryOf(bundle).inclusionProof
      checkpoint.envelope = checkpoint.envelope.replace(/^(\S+\n)(\d+)/, '$11$2')
    },
  },
  {
    what: 'the signature of the checkpoint',
    change: ({ bundle }) => {
      const { checkpoint } = entryOf(bundle).inclusionProof
      checkpoint.envelope = checkpoint.envelope.replace(
        /\S+\n$/,
        (base64) => `${flipped(base64)}\n`,
      )
    },
  },
  {
    what: 'the key of the log',
    change: ({ root }) => {
      const { publicKey } = generateKeyPairSync('ed25519')
      const rawBytes = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
      for (const log of root.tlogs) log.publicKey.rawBytes = rawBytes
    },
  },
  { what: 'the root, which has no log,', change: ({ root }) => void root.tlogs.splice(0) },
  {
    what: 'the bundle, which has no entry,',
    change: ({ bundle }) => void (bundle.verificationMaterial.tlogEntries as Entry[]).splice(0),
  },
  {
    what: 'the signature of the time stamp',
    change: ({ bundle }) => {
      const [stamp] = stampsOf(bundle)
      stamp.signedTimestamp = flipped(stamp.signedTimestamp)
    },
  },
  {
    what: 'the time in the time stamp',
    change: ({ bundle }) => {
      const [stamp] = stampsOf(bundle)
      stamp.signedTimestamp = restamped(stamp.signedTimestamp)
    },
  },
  {
    what: 'the bundle, which has no time stamp,',
    change: ({ bundle }) => void (stampsOf(bundle) as object[]).splice(0),
  },
]

/** The entry of a bundle. */
const entryOf = ({ verificationMaterial }: Bundle): Entry => verificationMaterial.tlogEntries[0]

/** A change of the leaf itself. */
export const CHANGED_BODY: (typeof CHANGES)[number] = {
  what: 'the digest in the entry',
  change: ({ bundle }) => {
    const entry = entryOf(bundle)
    const body = Buffer.from(entry.canonicalizedBody, 'base64').toString()
    const changed = body.replace(/(?<="digest":")[^"]+/, flipped)
    entry.canonicalizedBody = Buffer.from(changed).toString('base64')
  },
}

/** A change of what was signed: the digest of a file, or a statement. */
export const CHANGED_CONTENT: (typeof CHANGES)[number] = {
  what: 'the digest, or the statement that has it,',
  change: ({ bundle: { messageSignature, dsseEnvelope } }) => {
    if (messageSignature) {
      const { messageDigest } = messageSignature
      messageDigest.digest = flipped(messageDigest.digest)
    }
    if (dsseEnvelope) {
      const statement = Buffer.from(dsseEnvelope.payload, 'base64').toString()
      const changed = statement.replace(/(?<="sha256":")./, (digit) => (digit === '0' ? '1' : '0'))
      dsseEnvelope.payload = Buffer.from(changed).toString('base64')
    }
  },
}
