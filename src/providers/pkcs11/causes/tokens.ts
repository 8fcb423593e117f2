/** Tokens, PINs and sessions. */
import { shellWord } from '../../../basics/shell-word.ts'
import { pkcs11Tool, returned, site, SPECIFICATION, type TokenCause } from './cause.ts'

const OUTAGE = 'ERR_PROVIDER_UNAVAILABLE'
const PIN = 'PIN'
const RESET_PIN = 'with the PIN of the security officer'

const either =
  (...matchers: readonly TokenCause['matches'][]): TokenCause['matches'] =>
  (failure, facts) =>
    matchers.some((matches) => matches(failure, facts))

/** Causes in the token, beside its keys. */
export const TOKEN_CAUSES: readonly TokenCause[] = [
  {
    id: 'token-none',
    layer: 'token',
    summary:
      'the module sees no token: none is connected or initialized, or the module has other settings here',
    code: 'ERR_TOKEN_NOT_FOUND',
    source: SPECIFICATION,
    matches: site('token-none'),
    cure: ({ modulePath }) =>
      `connect or initialize the token, and run as the user and with the settings that see it: ${pkcs11Tool('pkcs11-tool -L', { modulePath })}`,
  },
  {
    id: 'token-absent',
    layer: 'token',
    summary: 'the module sees other tokens, and not this one',
    code: 'ERR_TOKEN_NOT_FOUND',
    source: SPECIFICATION,
    matches: site('token-absent'),
    cure: ({ hint = '', modulePath }) =>
      `name a token that is there, or connect this one; ${hint}: ${pkcs11Tool('pkcs11-tool -L', { modulePath })}`,
  },
  {
    id: 'token-ambiguous',
    layer: 'key reference',
    summary: 'several tokens match the key reference',
    code: 'ERR_KEY_URI_INVALID',
    source: 'https://www.rfc-editor.org/rfc/rfc7512#section-2.4',
    matches: site('token-ambiguous'),
    cure: ({ hint = '' }) => hint,
  },
  {
    id: 'token-removed',
    layer: 'token',
    summary: 'the token is no longer in its slot',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: returned(0x03, 0x32, 0xe0),
    cure: ({ modulePath }) =>
      `connect the token, and start its service: ${pkcs11Tool('pkcs11-tool -L', { modulePath })}`,
  },
  {
    id: 'token-unrecognized',
    layer: 'token',
    summary: 'the module does not support the token in the slot',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: returned(0xe1),
    cure: ({ modulePath }) =>
      `use the module of the token's vendor: ${pkcs11Tool('pkcs11-tool -L', { modulePath })}`,
  },
  {
    id: 'token-write-protected',
    layer: 'token',
    summary: 'the token is write-protected',
    code: 'ERR_NOT_ALLOWED',
    source: SPECIFICATION,
    matches: returned(0xe2, 0xb5),
    cure: () =>
      "remove its write protection with the vendor's tool, or create the key on another token",
  },
  {
    id: 'token-full',
    layer: 'token',
    summary: 'the token has no room left',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: returned(0x31),
    cure: (facts) =>
      `destroy what is not needed; what is on it: ${pkcs11Tool('pkcs11-tool --login -O', facts)}`,
  },
  {
    id: 'sessions-exhausted',
    layer: 'sessions',
    summary: 'other programs hold all sessions of the token',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: returned(0xb1, 0x201),
    cure: () =>
      'end other programs that use the token, or raise its limit of sessions with the vendor’s tool',
  },
  {
    id: 'session-lost',
    layer: 'sessions',
    summary: 'the sessions with the token ended again and again',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: returned(0x01, 0x50, 0x60, 0x82, 0x90, 0x91, 0xb0, 0xb3, 0x101, 0x190),
    cure: () =>
      'find out which program or firewall ends sessions with the token, or logs out or restarts its module',
  },
  {
    id: 'device-failed',
    layer: 'token',
    summary:
      'the module reports a failure without a reason: the token or its service does not work',
    code: OUTAGE,
    source: SPECIFICATION,
    matches: returned(0x05, 0x06, 0x30),
    cure: (facts) =>
      `check that the token is connected and its service runs, and read the log of the module: ${pkcs11Tool('pkcs11-tool -T', { modulePath: facts.modulePath })}`,
  },
  {
    id: 'pin-missing',
    layer: PIN,
    summary: 'the token needs a PIN and none was given',
    code: 'ERR_PIN_WRONG',
    source: SPECIFICATION,
    matches: site('pin-missing'),
    cure: () => 'add pin-source=file:/path to the key reference, or set COUNTERSIGN_PKCS11_PIN',
  },
  {
    id: 'pin-refused-before',
    layer: PIN,
    summary: 'the token has refused this PIN, so it is not tried again',
    code: 'ERR_PIN_WRONG',
    source: SPECIFICATION,
    matches: site('pin-refused-before'),
    cure: () =>
      'write the right PIN into its pin-source; each wrong one brings the token nearer to its lock',
  },
  {
    id: 'pin-locked',
    layer: PIN,
    summary: 'the PIN is locked after too many wrong ones',
    code: 'ERR_PIN_LOCKED',
    source: SPECIFICATION,
    matches: either(site('pin-locked'), returned(0xa4)),
    cure: (facts) =>
      `set a new one ${RESET_PIN}: ${pkcs11Tool('pkcs11-tool --login --login-type so --init-pin', facts)}`,
  },
  {
    id: 'pin-last-try',
    layer: PIN,
    summary: 'one more wrong PIN would lock the token, so none was tried',
    code: 'ERR_PIN_LOCKED',
    source: SPECIFICATION,
    matches: site('pin-last-try'),
    cure: (facts) =>
      `log in once with the right PIN, which resets the count: ${pkcs11Tool('pkcs11-tool --login -O', facts)}`,
  },
  {
    id: 'pin-wrong',
    layer: PIN,
    summary: 'the token refuses the PIN',
    code: 'ERR_PIN_WRONG',
    source: SPECIFICATION,
    matches: returned(0xa0, 0xa1, 0xa2),
    cure: (facts) =>
      `correct the PIN in its pin-source; it was tried once and is not tried again; the tries that are left: ${pkcs11Tool('pkcs11-tool -L', { modulePath: facts.modulePath })}`,
  },
  {
    id: 'pin-expired',
    layer: PIN,
    summary: 'the PIN has expired',
    code: 'ERR_PIN_WRONG',
    source: SPECIFICATION,
    matches: returned(0xa3),
    cure: (facts) => `set a new PIN: ${pkcs11Tool('pkcs11-tool --login --change-pin', facts)}`,
  },
  {
    id: 'pin-uninitialized',
    layer: PIN,
    summary: 'the user of the token has no PIN yet',
    code: 'ERR_PIN_WRONG',
    source: SPECIFICATION,
    matches: returned(0x102),
    cure: (facts) =>
      `set it ${RESET_PIN}: ${pkcs11Tool('pkcs11-tool --login --login-type so --init-pin', facts)}`,
  },
  {
    id: 'other-user-logged-in',
    layer: PIN,
    summary: 'the security officer is logged in',
    code: 'ERR_NOT_ALLOWED',
    source: SPECIFICATION,
    matches: returned(0x104),
    cure: () => 'log the security officer out of the token, then try again',
  },
  {
    id: 'login-unsupported',
    layer: PIN,
    summary: 'the token has no such login',
    code: 'ERR_OPERATION_UNSUPPORTED',
    source: SPECIFICATION,
    matches: (failure, facts) => failure.cause === '' && returned(0x103)(failure, facts),
    cure: (facts) =>
      `use a token whose user logs in with a PIN: ${pkcs11Tool('pkcs11-tool -L', { modulePath: facts.modulePath })}`,
  },
  {
    id: 'rejected-at-token',
    layer: 'token',
    summary: 'the token refused the operation, or a person at it did',
    code: 'ERR_NOT_ALLOWED',
    source: SPECIFICATION,
    matches: returned(0x200),
    cure: () => 'confirm the operation at the token, or let its policy allow it',
  },
]

/** Values that are not of the specification. */
export const VENDOR_FAULT: TokenCause = {
  id: 'vendor-fault',
  layer: 'token',
  summary: 'the module returns a value of its vendor',
  code: OUTAGE,
  source: SPECIFICATION,
  matches: ({ value }) => value >= 0x80_00_00_00,
  cure: ({ returnValue = 'it', modulePath = 'of the module' }) =>
    `look ${returnValue} up in the vendor's manual, and read the log ${modulePath.startsWith('/') ? `of ${shellWord(modulePath)}` : modulePath}`,
}

/** Values of the specification, or of a later one, without a row. */
export const UNKNOWN_VALUE: TokenCause = {
  id: 'unknown-value',
  layer: 'token',
  summary: 'the module returns a value that countersign does not know',
  code: OUTAGE,
  source: SPECIFICATION,
  matches: ({ value }) => value > 0,
  cure: ({ returnValue = 'it' }) =>
    `look ${returnValue} up in section 5.1 of the PKCS#11 specification, and read the log of the module`,
}
