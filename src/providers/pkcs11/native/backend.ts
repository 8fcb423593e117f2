/**
 * Signing with a private key that stays on its token.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../../errors.ts'
import type { SigningBackend, SignOptions } from '../../../signing/signer.ts'
import { CKA_ALWAYS_AUTHENTICATE, type Handle } from './cryptoki.ts'
import { toMechanism, toMechanismInput } from './mechanism.ts'
import { findPrivateKey, nameText, readAttribute } from './objects.ts'
import type { PinnedTokenKey } from './open-key.ts'
import { readPublicHalf } from './public-key.ts'
import type { TokenSession } from './token.ts'

/** Where a key is found, and whether each of its signatures needs a login of its own. */
interface LocatedKey {
  /** See Link.handles. */
  readonly among: object
  readonly handle: Handle
  readonly needsLogin: boolean
}

/**
 * Signs with a pinned key, off the event loop. Its handle is looked up once; after a failure
 * that took it, only a key with the pinned public key is taken for the same. A key that asks for a login
 * each time gets one between the beginning of a signature and its end.
 */
export function createTokenBackend(pinned: PinnedTokenKey): SigningBackend {
  const { connection, publicKey, pin } = pinned
  const { algorithm } = publicKey
  const mechanism = toMechanism(algorithm)
  let located: LocatedKey | undefined

  function locate(given: TokenSession): LocatedKey {
    if (located?.among === given.link.handles) return located
    const handle = findPinned(given, pinned)
    const needsLogin = readAttribute(given, handle, CKA_ALWAYS_AUTHENTICATE)?.[0] === 1
    located = { among: given.link.handles, handle, needsLogin }
    return located
  }

  function sign(input: Uint8Array, { signal }: SignOptions): Promise<Uint8Array> {
    return connection.run({ operation: 'signing', pin, signal }, async (given) => {
      const { cryptoki, session, link } = given
      const { handle, needsLogin } = locate(given)
      const login = needsLogin ? { pin: await link.readPin(pin) } : undefined
      // One byte longer: no bytes at all would reach the module as a null pointer.
      const memory = Buffer.alloc(input.length + 1)
      memory.set(input)
      const data = memory.subarray(0, input.length)
      const begin = (): void => {
        cryptoki.C_SignInit(session, mechanism, handle)
      }
      try {
        if (login === undefined) begin()
        else link.beginWithLogin(session, login.pin, begin)
        return await cryptoki.C_SignAsync(session, data, Buffer.alloc(publicKey.signatureBytes))
      } finally {
        // The addon keeps only a pointer to the data: this use of it keeps it from being collected.
        memory.fill(0)
      }
    })
  }

  if (algorithm.family === 'ed25519') return { signMessage: sign }
  return {
    signDigest: (digest, options) => sign(toMechanismInput(algorithm, digest), options),
  }
}

function findPinned(given: TokenSession, { name, publicKey }: PinnedTokenKey): Handle {
  const privateKey = findPrivateKey(given, name)
  const found = readPublicHalf(given, privateKey, undefined)
  if (Buffer.from(found.spki).equals(publicKey.spki)) return privateKey.handle
  throw new CountersignError(
    'ERR_PROVIDER_FAULT',
    `the token now holds another key as ${nameText(name)}`,
    {
      hint: 'nothing was signed; open the key again if it was replaced on purpose',
      details: { pinned: publicKey.kid, found: found.kid },
    },
  )
}
