import { fromKeyObject } from '../../../src/crypto/public-key.ts'
import { verifyJws } from '../../../src/verification/verify-token.ts'
import { codeOf } from '../../support/errors.ts'
import { describeOwnVectors, ownPublicKey } from '../../support/own-vectors.ts'

describeOwnVectors<{ readonly data: string }>('jws', ({ data }, { algorithm, key = '' }) => {
  const pinned = { kid: 'one', key: fromKeyObject(ownPublicKey(key), algorithm) }
  const code = codeOf(() => verifyJws(data, pinned))
  if (!['accepted', 'ERR_JWT_INVALID', 'ERR_SIGNATURE_INVALID'].includes(code)) {
    throw new Error(`refused with ${code}`)
  }
  return code === 'accepted'
})
