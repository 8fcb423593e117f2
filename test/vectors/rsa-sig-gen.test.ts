import { createPrivateKey } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPkcs11Provider } from '../../src/providers/pkcs11/provider.ts'
import type { KeyProvider } from '../../src/providers/provider.ts'
import { createSoftHsm, type SoftHsm, type SoftToken } from '../support/softhsm.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

interface Group {
  readonly sha: string
  readonly privateKeyPkcs8: string
  readonly tests: readonly {
    readonly tcId: number
    readonly msg: string
    readonly sig: string
  }[]
}

const ALGORITHMS = new Map([
  ['SHA-256', 'RS256'],
  ['SHA-384', 'RS384'],
  ['SHA-512', 'RS512'],
] as const)

type Hash = typeof ALGORITHMS extends Map<infer Key, unknown> ? Key : never

function isOurs(group: Group): group is Group & { sha: Hash } {
  return ALGORITHMS.has(group.sha as Hash)
}

describeVectors('wycheproof', () => {
  const file = 'wycheproof/rsa_pkcs1_2048_sig_gen_test.json'
  const { testGroups } = readVectorJson<{ testGroups: readonly Group[] }>(file)
  const groups = testGroups.filter(isOurs)

  let hsm: SoftHsm<readonly [string]>
  let token: SoftToken
  let provider: KeyProvider

  beforeAll(() => {
    hsm = createSoftHsm(['vectors'])
    token = hsm.tokens[0]
    groups.forEach((group, index) => {
      const der = Buffer.from(group.privateKeyPkcs8, 'hex')
      const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
      const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
      hsm.importKey(token, pem, `group-${index}`, (index + 1).toString(16).padStart(2, '0'))
    })
    provider = createPkcs11Provider({ env: process.env, readPin: () => Promise.resolve(token.pin) })
  })

  afterAll(async () => {
    await provider[Symbol.asyncDispose]()
    hsm.remove()
  })

  // SHA-1 and SHA-224, the two other groups, are no algorithms of countersign.
  test('there are six groups to sign', () => {
    expect(groups).toHaveLength(6)
  })

  test.each(groups.map((group, index) => ({ group, index })))(
    'an imported key signs group $index ($group.sha) byte for byte',
    async ({ group, index }) => {
      const algorithm = ALGORITHMS.get(group.sha)
      const signer = await provider.open(token.uriFor(`group-${index}`), { algorithm })

      for (const { tcId, msg, sig } of group.tests) {
        const signature = await signer.sign(Buffer.from(msg, 'hex'))
        expect(Buffer.from(signature).toString('hex'), `test ${tcId}`).toBe(sig)
      }
    },
  )
})
