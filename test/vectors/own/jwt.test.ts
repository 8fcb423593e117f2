import { fromKeyObject } from '../../../src/crypto/public-key.ts'
import { verifyToken } from '../../../src/verification/verify-token.ts'
import { codeOf } from '../../support/errors.ts'
import { describeOwnVectors, ownPublicKey } from '../../support/own-vectors.ts'

interface Token {
  readonly data: string
  readonly issuer: string
  readonly audience: string
  readonly now: string
}

describeOwnVectors<Token>('jwt', ({ data, now, ...expected }, { algorithm, key = '' }) => {
  const keys = [{ kid: 'one', key: fromKeyObject(ownPublicKey(key), algorithm) }]
  const policy = { ...expected, type: 'JWT', requireKid: false }
  return codeOf(() => verifyToken(data, { keys, policy, now: new Date(now) })) === 'accepted'
})
