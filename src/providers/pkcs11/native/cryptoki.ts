/**
 * The part of Cryptoki (PKCS#11 v3.1) that countersign calls, in the shape pkcs11js gives it, and the
 * numbers it takes. pkcs11js has constants of its own, but only once its addon is loaded, and without
 * those of v3.0.
 *
 * @packageDocumentation
 */

/** A slot, session or object handle: the bytes of a CK_ULONG. */
export type Handle = Buffer

/** One attribute of an object or of a search. */
export interface Attribute {
  readonly type: number
  readonly value?: number | boolean | string | Buffer
}

/** A mechanism and its parameters. */
export interface Mechanism {
  readonly mechanism: number
  readonly parameter?: PssParameters | OaepParameters
}

/** CK_RSA_PKCS_PSS_PARAMS; `type` is pkcs11js's own tag. */
export interface PssParameters {
  readonly type: typeof PARAMETERS_RSA_PSS
  readonly hashAlg: number
  readonly mgf: number
  readonly saltLen: number
}

/** CK_RSA_PKCS_OAEP_PARAMS without a label; `type` is pkcs11js's own tag. */
export interface OaepParameters {
  readonly type: typeof PARAMETERS_RSA_OAEP
  readonly hashAlg: number
  readonly mgf: number
  readonly source: number
}

/** What a token says of itself; texts are padded with blanks. */
export interface TokenInfo {
  readonly label: string
  readonly manufacturerID: string
  readonly model: string
  readonly serialNumber: string
  readonly flags: number
}

/** What a slot says of itself; texts are padded with blanks. */
export interface SlotInfo {
  readonly slotDescription: string
  readonly manufacturerID: string
}

/** What a module says of itself; texts are padded with blanks. */
export interface ModuleInfo {
  readonly manufacturerID: string
  readonly libraryDescription: string
  readonly libraryVersion: { readonly major: number; readonly minor: number }
}

/** The calls; each throws an error whose `code` is the return value (see errors.ts). */
export interface Cryptoki {
  C_Initialize(options: { flags: number }): void
  C_Finalize(): void
  C_GetInfo(): ModuleInfo
  C_GetSlotList(tokenPresent: boolean): Handle[]
  C_GetSlotInfo(slot: Handle): SlotInfo
  C_GetTokenInfo(slot: Handle): TokenInfo
  C_GetMechanismInfo(slot: Handle, mechanism: number): { flags: number }
  C_OpenSession(slot: Handle, flags: number): Handle
  C_CloseSession(session: Handle): void
  C_GetSessionInfo(session: Handle): { state: number }
  C_Login(session: Handle, user: number, pin?: string): void
  C_FindObjectsInit(session: Handle, template: Attribute[]): void
  C_FindObjects(session: Handle, max: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  /** A value is undefined where the token says it is not available. */
  C_GetAttributeValue(session: Handle, object: Handle, template: Attribute[]): { value?: Buffer }[]
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_SignAsync(session: Handle, input: Buffer, output: Buffer): Promise<Buffer>
  C_GenerateKeyPairAsync(
    session: Handle,
    mechanism: Mechanism,
    publicKey: Attribute[],
    privateKey: Attribute[],
  ): Promise<{ publicKey: Handle; privateKey: Handle }>
  C_UnwrapKey(
    session: Handle,
    mechanism: Mechanism,
    unwrappingKey: Handle,
    wrappedKey: Buffer,
    template: Attribute[],
  ): Handle
  C_CreateObject(session: Handle, template: Attribute[]): Handle
  C_DestroyObject(session: Handle, object: Handle): void
}

/** pkcs11js's number for CK_RSA_PKCS_OAEP_PARAMS. */
export const PARAMETERS_RSA_OAEP = 4
/** pkcs11js's number for CK_RSA_PKCS_PSS_PARAMS. */
export const PARAMETERS_RSA_PSS = 5

export const CKF_OS_LOCKING_OK = 0x2
export const CKF_RW_SESSION = 0x2
export const CKF_SERIAL_SESSION = 0x4

/** Flags of a token. */
export const CKF_LOGIN_REQUIRED = 0x4
export const CKF_PROTECTED_AUTHENTICATION_PATH = 0x100
export const CKF_TOKEN_INITIALIZED = 0x400
export const CKF_USER_PIN_FINAL_TRY = 0x20000
export const CKF_USER_PIN_LOCKED = 0x40000

export const CKU_USER = 1
/** Answers for one operation of a key that asks for a login each time. */
export const CKU_CONTEXT_SPECIFIC = 2

/** States of a session in which the user is logged in. */
export const CKS_RO_USER_FUNCTIONS = 1
export const CKS_RW_USER_FUNCTIONS = 3

export const CKO_CERTIFICATE = 1
export const CKO_PUBLIC_KEY = 2
export const CKO_PRIVATE_KEY = 3
export const CKO_SECRET_KEY = 4

export const CKC_X_509 = 0

export const CKK_RSA = 0
export const CKK_EC = 3
export const CKK_AES = 0x1f
export const CKK_EC_EDWARDS = 0x40

export const CKA_CLASS = 0x0
export const CKA_TOKEN = 0x1
export const CKA_PRIVATE = 0x2
export const CKA_LABEL = 0x3
export const CKA_VALUE = 0x11
export const CKA_CERTIFICATE_TYPE = 0x80
export const CKA_KEY_TYPE = 0x100
export const CKA_ID = 0x102
export const CKA_SENSITIVE = 0x103
export const CKA_ENCRYPT = 0x104
export const CKA_DECRYPT = 0x105
export const CKA_WRAP = 0x106
export const CKA_UNWRAP = 0x107
export const CKA_SIGN = 0x108
export const CKA_VERIFY = 0x10a
export const CKA_DERIVE = 0x10c
export const CKA_MODULUS = 0x120
export const CKA_MODULUS_BITS = 0x121
export const CKA_PUBLIC_EXPONENT = 0x122
export const CKA_PUBLIC_KEY_INFO = 0x129
export const CKA_EXTRACTABLE = 0x162
export const CKA_EC_PARAMS = 0x180
export const CKA_EC_POINT = 0x181
export const CKA_ALWAYS_AUTHENTICATE = 0x202

export const CKM_RSA_PKCS_KEY_PAIR_GEN = 0x0
export const CKM_RSA_PKCS = 0x1
export const CKM_RSA_PKCS_OAEP = 0x9
export const CKM_RSA_PKCS_PSS = 0xd
export const CKM_SHA_1 = 0x220
export const CKM_SHA256 = 0x250
export const CKM_SHA384 = 0x260
export const CKM_SHA512 = 0x270
export const CKM_EC_KEY_PAIR_GEN = 0x1040
export const CKM_ECDSA = 0x1041
export const CKM_EC_EDWARDS_KEY_PAIR_GEN = 0x1055
export const CKM_EDDSA = 0x1057
export const CKM_AES_KEY_WRAP_PAD = 0x210a

export const CKZ_DATA_SPECIFIED = 1

export const CKG_MGF1_SHA1 = 0x1
export const CKG_MGF1_SHA256 = 0x2
export const CKG_MGF1_SHA384 = 0x3
export const CKG_MGF1_SHA512 = 0x4
