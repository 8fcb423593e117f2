import { fromKeyObject } from '../../../src/crypto/public-key.ts'
import { encodePae, parseEnvelope } from '../../../src/formats/dsse.ts'
import { findEnvelopeSigner } from '../../../src/verification/content.ts'
import { pinKey } from '../../../src/verification/trust.ts'
import { codeOf } from '../../support/errors.ts'
import { describeOwnVectors, ownPublicKey } from '../../support/own-vectors.ts'

interface Input {
  /** An envelope as JSON. */
  readonly data?: string
  /** An encoding of type and payload. */
  readonly type: string
  readonly payload: string
  readonly pae: string
}

describeOwnVectors<Input>('envelopes', ({ data, pae, payload, type }, { algorithm, key = '' }) => {
  if (data === undefined) {
    const encoded = encodePae(type, Buffer.from(payload, 'hex'))
    return Buffer.from(encoded).toString('hex') === pae
  }
  const trusted = pinKey(fromKeyObject(ownPublicKey(key), algorithm))
  const found: unknown[] = []
  const code = codeOf(() => {
    found.push(findEnvelopeSigner(parseEnvelope(Buffer.from(data)), [trusted]))
  })
  if (!['accepted', 'ERR_ENVELOPE_INVALID', 'ERR_JSON_INVALID'].includes(code)) {
    throw new Error(`refused with ${code}`)
  }
  return found[0] === trusted
})
