import { parsePublicKeySpki, type PublicKeyInfo } from '../../../src/crypto/public-key.ts'
import { CountersignError } from '../../../src/errors.ts'
import { describeOwnVectors, ownPublicKey, type VectorGroup } from '../../support/own-vectors.ts'
import { isAcceptedInEveryShape } from '../../support/signature-checks.ts'

interface Signature {
  readonly form?: string
  /** The public key, where it is not that of the group. */
  readonly spki?: string
  readonly message: string
  readonly signature: string
}

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')

/** A key that is refused verifies nothing. */
function readKey(
  { spki }: Signature,
  { algorithm, key = '' }: VectorGroup<Signature>,
): PublicKeyInfo | undefined {
  const own = (): Uint8Array => ownPublicKey(key).export({ type: 'spki', format: 'der' })
  try {
    return parsePublicKeySpki(spki === undefined ? own() : bytes(spki), algorithm)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_KEY_INVALID')) return undefined
    throw error
  }
}

for (const format of ['ecdsa', 'rsa-pkcs1', 'rsa-pss', 'ed25519']) {
  describeOwnVectors<Signature>(format, async (input, group) => {
    const { form = group.form ?? 'raw', message, signature } = input
    const key = readKey(input, group)
    if (key === undefined) return false
    return isAcceptedInEveryShape(key, bytes(message), bytes(signature), form)
  })
}
