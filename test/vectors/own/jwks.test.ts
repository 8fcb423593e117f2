import { parseJwks } from '../../../src/formats/jwks.ts'
import { parseJws } from '../../../src/formats/jws.ts'
import { selectTokenKeys, verifyJws } from '../../../src/verification/verify-token.ts'
import { codeOf } from '../../support/errors.ts'
import { describeOwnVectors } from '../../support/own-vectors.ts'

interface Selection {
  readonly set: string
  readonly token: string
}

describeOwnVectors<Selection>('jwks', ({ set, token }) => {
  const tries: boolean[] = []
  const refusal = codeOf(() => {
    const keys = selectTokenKeys(parseJws(token).header, parseJwks(set).keys, { requireKid: false })
    for (const key of keys) tries.push(codeOf(() => verifyJws(token, key)) === 'accepted')
  })
  return refusal === 'accepted' && tries.includes(true)
})
