/** Objects that other tools leave on a token, made past the provider. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CKA_ALWAYS_AUTHENTICATE,
  CKA_CERTIFICATE_TYPE,
  CKA_CLASS,
  CKA_EC_PARAMS,
  CKA_EXTRACTABLE,
  CKA_ID,
  CKA_LABEL,
  CKA_PRIVATE,
  CKA_SENSITIVE,
  CKA_SIGN,
  CKA_TOKEN,
  CKA_UNWRAP,
  CKA_VALUE,
  CKA_VERIFY,
  CKC_X_509,
  CKF_RW_SESSION,
  CKF_SERIAL_SESSION,
  CKM_EC_KEY_PAIR_GEN,
  CKO_CERTIFICATE,
  CKO_PRIVATE_KEY,
  CKO_PUBLIC_KEY,
  CKS_RW_USER_FUNCTIONS,
  CKU_USER,
  type Cryptoki,
  type Handle,
} from '../../src/providers/pkcs11/native/cryptoki.ts'
import { openBeside } from './cryptoki.ts'
import type { SoftHsm, SoftToken } from './softhsm.ts'
import { createTempFolder } from './temp-folder.ts'

interface Administration extends Cryptoki {
  C_Logout(session: Handle): void
}

const CKA_SUBJECT = 0x101
const P256 = Buffer.from('06082a8648ce3d030107', 'hex')

/** Works on a token with a session that may write, logged in. */
async function withSession<T>(
  { modulePath }: SoftHsm,
  token: SoftToken,
  work: (cryptoki: Administration, session: Handle) => T | Promise<T>,
): Promise<T> {
  const { cryptoki, slot, release } = await openBeside(modulePath, token)
  const session = cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
  // A provider of the test may have logged in the whole process.
  const needsLogin = cryptoki.C_GetSessionInfo(session).state !== CKS_RW_USER_FUNCTIONS
  if (needsLogin) cryptoki.C_Login(session, CKU_USER, token.pin)
  try {
    return await work(cryptoki as Administration, session)
  } finally {
    if (needsLogin) (cryptoki as Administration).C_Logout(session)
    cryptoki.C_CloseSession(session)
    release()
  }
}

/** Makes a P-256 key that asks for a login for each signature. */
export function makeAlwaysAuthenticatingKey(
  hsm: SoftHsm,
  token: SoftToken,
  label: string,
): Promise<void> {
  const names = [
    { type: CKA_TOKEN, value: true },
    { type: CKA_LABEL, value: label },
    { type: CKA_ID, value: Buffer.from(label) },
  ]
  return withSession(hsm, token, async (cryptoki, session) => {
    await cryptoki.C_GenerateKeyPairAsync(
      session,
      { mechanism: CKM_EC_KEY_PAIR_GEN },
      [...names, { type: CKA_VERIFY, value: true }, { type: CKA_EC_PARAMS, value: P256 }],
      [
        ...names,
        { type: CKA_PRIVATE, value: true },
        { type: CKA_SENSITIVE, value: true },
        { type: CKA_SIGN, value: true },
        { type: CKA_ALWAYS_AUTHENTICATE, value: true },
      ],
    )
  })
}

/** Puts an X.509 certificate on a token, as smart cards and their tools do. */
export function addCertificate(
  hsm: SoftHsm,
  token: SoftToken,
  { label, id, der }: { readonly label: string; readonly id: string; readonly der: Uint8Array },
): Promise<void> {
  return withSession(hsm, token, (cryptoki, session) => {
    cryptoki.C_CreateObject(session, [
      { type: CKA_CLASS, value: CKO_CERTIFICATE },
      { type: CKA_CERTIFICATE_TYPE, value: CKC_X_509 },
      { type: CKA_TOKEN, value: true },
      { type: CKA_PRIVATE, value: false },
      { type: CKA_LABEL, value: label },
      { type: CKA_ID, value: Buffer.from(id, 'hex') },
      { type: CKA_SUBJECT, value: Buffer.from('3000', 'hex') },
      { type: CKA_VALUE, value: Buffer.from(der) },
    ])
  })
}

/** Takes the public key objects of a label off a token. */
export function removePublicHalf(hsm: SoftHsm, token: SoftToken, label: string): Promise<void> {
  return withSession(hsm, token, (cryptoki, session) => {
    cryptoki.C_FindObjectsInit(session, [
      { type: CKA_CLASS, value: CKO_PUBLIC_KEY },
      { type: CKA_LABEL, value: label },
    ])
    const halves = cryptoki.C_FindObjects(session, 10)
    cryptoki.C_FindObjectsFinal(session)
    if (halves.length === 0) throw new Error(`no public key "${label}"`)
    for (const half of halves) cryptoki.C_DestroyObject(session, half)
  })
}

/** A private key (PKCS#8, PEM) and a certificate of it (DER), signed by itself. */
export interface CertifiedKey {
  readonly privateKey: string
  readonly certificate: Uint8Array
}

/** Makes a key with OpenSSL, by the arguments of its `genpkey`, and a certificate of it. */
export function makeCertifiedKey(...genpkey: readonly string[]): CertifiedKey {
  const folder = createTempFolder()
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  openssl('genpkey', ...genpkey, '-out', 'key.pem')
  openssl('req', '-x509', '-key', 'key.pem', '-subj', '/CN=card', '-days', '2', '-out', 'cert.pem')
  return {
    privateKey: readFileSync(join(folder, 'key.pem'), 'utf8'),
    certificate: new X509Certificate(readFileSync(join(folder, 'cert.pem'))).raw,
  }
}

/** Labels of the private keys on a token, each with whether it is sensitive, extractable, signs and unwraps. */
export function readPrivateKeys(hsm: SoftHsm, token: SoftToken): Promise<readonly string[]> {
  const flags = {
    sensitive: CKA_SENSITIVE,
    extractable: CKA_EXTRACTABLE,
    sign: CKA_SIGN,
    unwrap: CKA_UNWRAP,
  }
  return withSession(hsm, token, (cryptoki, session) => {
    cryptoki.C_FindObjectsInit(session, [{ type: CKA_CLASS, value: CKO_PRIVATE_KEY }])
    const handles = cryptoki.C_FindObjects(session, 100)
    cryptoki.C_FindObjectsFinal(session)
    return handles.map((handle) => {
      const read = (type: number): Buffer | undefined =>
        cryptoki.C_GetAttributeValue(session, handle, [{ type }])[0]?.value
      const set = Object.entries(flags).filter(([, type]) => read(type)?.[0] === 1)
      return [read(CKA_LABEL)?.toString() ?? '', ...set.map(([name]) => name)].join(' ')
    })
  })
}
