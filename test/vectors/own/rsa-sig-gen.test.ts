import { afterAll, beforeAll, expect, test } from 'vitest'
import { resolveAlgorithm } from '../../../src/crypto/algorithms.ts'
import { createPkcs11Provider } from '../../../src/providers/pkcs11/provider.ts'
import type { KeyProvider } from '../../../src/providers/provider.ts'
import { ownPrivateKey, readOwnVectors } from '../../support/own-vectors.ts'
import { createSoftHsm, type SoftHsm, type SoftToken } from '../../support/softhsm.ts'

interface Signature {
  readonly message: string
  readonly signature: string
}

const groups = readOwnVectors<Signature>('rsa-pkcs1').groups.filter(({ key }) => key === 'rsa2048')

let hsm: SoftHsm<readonly [string]>
let token: SoftToken
let provider: KeyProvider

beforeAll(() => {
  hsm = createSoftHsm(['vectors'])
  token = hsm.tokens[0]
  const pem = ownPrivateKey('rsa2048').export({ type: 'pkcs8', format: 'pem' }).toString()
  hsm.importKey(token, pem, 'rsa2048', '01')
  provider = createPkcs11Provider({ env: process.env, readPin: () => Promise.resolve(token.pin) })
})

afterAll(async () => {
  await provider[Symbol.asyncDispose]()
  hsm.remove()
})

test.each(groups)(
  'an imported key signs $group byte for byte',
  async ({ algorithm = '', cases }) => {
    const { name } = resolveAlgorithm(algorithm)
    const signer = await provider.open(token.uriFor('rsa2048'), { algorithm: name })
    const right = cases.filter(({ valid }) => valid)

    expect(right.length).toBeGreaterThan(0)
    for (const { id, message, signature } of right) {
      const made = await signer.sign(Buffer.from(message, 'hex'))
      expect(Buffer.from(made).toString('hex'), id).toBe(signature)
    }
  },
)
