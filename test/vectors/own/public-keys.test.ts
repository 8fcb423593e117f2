import { readCertificateKey } from '../../../src/crypto/certificate.ts'
import {
  parsePublicKeyJwk,
  parsePublicKeyPem,
  parsePublicKeySpki,
  type PublicKeyInfo,
} from '../../../src/crypto/public-key.ts'
import { codeOf } from '../../support/errors.ts'
import { describeOwnVectors } from '../../support/own-vectors.ts'

const READERS: Readonly<Record<string, (data: string) => PublicKeyInfo>> = {
  der: (data) => parsePublicKeySpki(Buffer.from(data, 'hex')),
  pem: (data) => parsePublicKeyPem(data),
  certificate: (data) => readCertificateKey(Buffer.from(data, 'hex')),
  jwk: (data) => parsePublicKeyJwk(JSON.parse(data) as Readonly<Record<string, unknown>>),
}
const REFUSALS = ['ERR_KEY_INVALID', 'ERR_ALGORITHM_UNSUPPORTED']

describeOwnVectors<{ readonly data: string }>('public-keys', ({ data }, { form = '' }) => {
  const code = codeOf(() => READERS[form]?.(data))
  if (code !== 'accepted' && !REFUSALS.includes(code)) throw new Error(`refused with ${code}`)
  return code === 'accepted'
})
