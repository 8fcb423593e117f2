import { createHash } from 'node:crypto'
import type { Handle, PKCS11 } from 'pkcs11js'
import { createPkcs11Provider } from '../../src/providers/pkcs11/provider.ts'
import { createSoftHsm, type SoftToken } from '../../test/support/softhsm.ts'
import type { BenchAlgorithm, BenchRsaBits } from '../bundles.ts'
import type { BenchBackend } from './backend.ts'

/** Sessions with the token, on both sides. */
const SESSIONS = 8

/** Of RSA with 4096 bits. */
const MAX_SIGNATURE_BYTES = 512

/** DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1), written out: raw uses nothing of ours. */
const SHA256_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex')

// Written out, as is the prefix: the numbers of the PKCS#11 specification.
const CKF_SERIAL_SESSION = 4
const CKA_CLASS = 0
const CKA_LABEL = 3
const CKO_PRIVATE_KEY = 3
const CKM = { ES256: 0x1041, RS256: 0x0001 }

/** A SoftHSM token of the benchmark's own. */
export interface BenchToken extends AsyncDisposable {
  readonly openKey: (algorithm: BenchAlgorithm, rsaBits?: BenchRsaBits) => Promise<BenchBackend>
  /** Tokens without keys for other processes: a store has a token of its own. */
  readonly places: readonly TokenPlace[]
}

/** A token that other processes make keys on. */
export interface TokenPlace {
  /** As the `provider` of a key. */
  readonly provider: string
  /** What has to be in their environment. */
  readonly env: NodeJS.ProcessEnv
}

/** Makes a token. Raw is bare pkcs11js with as many sessions as the provider may open. */
export async function createBenchToken(): Promise<BenchToken> {
  const { default: pkcs11js } = await import('pkcs11js')
  const hsm = createSoftHsm(['bench', 'service-1', 'service-2'])
  const [token, ...others] = hsm.tokens
  const provider = createPkcs11Provider({
    env: process.env,
    readPin: () => Promise.resolve(token.pin),
    maxSessions: SESSIONS,
  })
  const module = new pkcs11js.PKCS11()
  module.load(hsm.modulePath)
  return {
    openKey: async (algorithm, rsaBits = 2048) => {
      const uri = await provider.create({ uri: token.uriFor(algorithm), algorithm, rsaBits })
      const signer = await provider.open(uri, { algorithm })
      // The provider has initialized the module and logged in by now, for the whole process.
      const signRaw = createRawSigner(module, token, algorithm)
      const provides = { provider: 'pkcs11 (SoftHSM)', algorithm, signer, signRaw }
      return { ...provides, width: SESSIONS }
    },
    places: others.map(({ label, pin }) => ({
      provider: `pkcs11:token=${label}?module-path=${hsm.modulePath}`,
      env: { SOFTHSM2_CONF: hsm.configPath, COUNTERSIGN_PKCS11_PIN: pin },
    })),
    [Symbol.asyncDispose]: async () => {
      await provider[Symbol.asyncDispose]()
      hsm.remove()
    },
  }
}

function createRawSigner(
  module: PKCS11,
  token: SoftToken,
  algorithm: BenchAlgorithm,
): BenchBackend['signRaw'] {
  const slot = findSlot(module, token)
  const sessions = Array.from({ length: SESSIONS }, () =>
    module.C_OpenSession(slot, CKF_SERIAL_SESSION),
  )
  const key = findKey(module, sessions[0] ?? slot, algorithm)
  const mechanism = { mechanism: CKM[algorithm] }
  return async (message) => {
    const session = sessions.pop()
    if (session === undefined) throw new Error('more signatures at once than sessions')
    const digest = createHash('sha256').update(message).digest()
    const input = algorithm === 'RS256' ? Buffer.concat([SHA256_INFO, digest]) : digest
    module.C_SignInit(session, mechanism, key)
    const signature = await module.C_SignAsync(session, input, Buffer.alloc(MAX_SIGNATURE_BYTES))
    sessions.push(session)
    return signature
  }
}

function findSlot(module: PKCS11, { label }: SoftToken): Handle {
  const slots = module.C_GetSlotList(true)
  const found = slots.find((slot) => module.C_GetTokenInfo(slot).label.trim() === label)
  if (found === undefined) throw new Error(`no token ${label}`)
  return found
}

function findKey(module: PKCS11, session: Handle, label: string): Handle {
  module.C_FindObjectsInit(session, [
    { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
    { type: CKA_LABEL, value: label },
  ])
  const [key] = module.C_FindObjects(session, 1)
  module.C_FindObjectsFinal(session)
  if (key === undefined) throw new Error(`no key ${label}`)
  return key
}
