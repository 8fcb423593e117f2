import { assertOwnSignature } from '../../../src/timestamp/own-signature.ts'
import { readTimestampResponse } from '../../../src/timestamp/response.ts'
import { codeOf } from '../../support/errors.ts'
import { describeOwnVectors } from '../../support/own-vectors.ts'

interface Input {
  readonly response: string
  /** SHA-256 of what is stamped, hex. */
  readonly data: string
}

describeOwnVectors<Input>('time-stamps', ({ data, response }) => {
  const bytes = Buffer.from(response, 'base64')
  const stamped: string[] = []
  const code = codeOf(() => {
    const { digest, time } = readTimestampResponse(bytes)
    assertOwnSignature(bytes, time)
    stamped.push(digest)
  })
  if (!['accepted', 'ERR_TIMESTAMP_INVALID', 'ERR_KEY_INVALID'].includes(code)) {
    throw new Error(`refused with ${code}`)
  }
  return stamped.includes(`sha256:${data}`)
})
