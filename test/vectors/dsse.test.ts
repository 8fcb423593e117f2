import { describe, expect, test } from 'vitest'
import { parsePublicKeyPem } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { encodePae, parseEnvelope, serializeEnvelope } from '../../src/formats/dsse.ts'
import { findEnvelopeSigner } from '../../src/verification/content.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { describeVectors, readVectorJson } from '../support/vectors.ts'

interface Cases {
  readonly keysets: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly cases: readonly {
    readonly id: string
    readonly envelope: unknown
    readonly keyset: string
    readonly sig_format: 'der' | 'raw' | 'pss'
    readonly expect: 'accept' | 'reject'
    readonly verified_keys: readonly string[]
  }[]
}

interface Pae {
  readonly pae: readonly {
    readonly type: string
    readonly payload_hex: string
    readonly pae_hex: string
  }[]
  readonly payload_decoding: readonly Readonly<Record<string, string>>[]
}

describeVectors('dsse', () => {
  const { keysets, cases } = readVectorJson<Cases>('dsse/cases.json')

  /** Name of the key that signed, or the code of the refusal. */
  function examine(id: string, envelope: unknown, keyset: string, pss: boolean): string {
    const keys = Object.entries(keysets[keyset] ?? {}).map(([name, pem]) => ({
      name,
      trusted: pinKey(parsePublicKeyPem(pem, pss ? 'PS256' : undefined)),
    }))
    try {
      const parsed = parseEnvelope(Buffer.from(JSON.stringify(envelope)))
      const found = findEnvelopeSigner(
        parsed,
        keys.map(({ trusted }) => trusted),
      )
      return keys.find(({ trusted }) => trusted === found)?.name ?? 'unsigned'
    } catch (error) {
      if (CountersignError.is(error, 'ERR_ENVELOPE_INVALID')) return error.code
      throw new Error(`${id} threw something else`, { cause: error })
    }
  }

  // ECDSA signatures in bundles and envelopes are DER; raw r‖s is not applicable to this verifier.
  const der = cases.filter(({ sig_format }) => sig_format !== 'raw')
  test.each(der)(
    '$id: $expect',
    ({ id, envelope, keyset, sig_format, expect: wanted, verified_keys }) => {
      const signer = examine(id, envelope, keyset, sig_format === 'pss')
      if (wanted === 'accept') expect(verified_keys).toContain(signer)
      else expect(['unsigned', 'ERR_ENVELOPE_INVALID']).toContain(signer)
    },
  )

  test.each(cases.filter(({ sig_format }) => sig_format === 'raw'))(
    '$id: a raw r‖s signature is refused',
    ({ id, envelope, keyset }) => {
      expect(examine(id, envelope, keyset, false)).toBe('unsigned')
    },
  )

  describe('pae.json', () => {
    const { pae } = readVectorJson<Pae>('dsse/pae.json')
    test.each(pae)(
      'the encoding of type "$type" is byte for byte',
      ({ type, payload_hex, pae_hex }) => {
        const encoded = encodePae(type, Buffer.from(payload_hex, 'hex'))
        expect(Buffer.from(encoded).toString('hex')).toBe(pae_hex)
      },
    )
  })

  test.each(der.filter(({ expect: wanted }) => wanted === 'accept'))(
    '$id: serializing what was parsed keeps its payload and signatures',
    ({ envelope }) => {
      const parsed = parseEnvelope(Buffer.from(JSON.stringify(envelope)))
      expect(parseEnvelope(serializeEnvelope(parsed))).toStrictEqual(parsed)
    },
  )
})
