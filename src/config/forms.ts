/** What the texts of the configuration must be, each form with its own check. */
import { isIP } from 'node:net'
import { isAbsolute, join } from 'node:path'
import { CountersignError } from '../errors.ts'
import { readWitnessKeys } from '../formats/witnesses.ts'
import {
  assertNoSecret,
  findProvider,
  joinOr,
  parseKeyUri,
  SIGNING_PROVIDERS,
} from '../providers/key-uri.ts'
import { parseProviderReference } from '../providers/provider-reference.ts'
import { isS3Uri, parseS3Uri } from '../storage/s3/uri.ts'
import { splitPostgresHosts } from '../store/postgres/hosts.ts'
import { DURATION_PATTERN, parseDurationSeconds } from './duration.ts'
import { SECRET_PATTERN } from './secret.ts'

/** Names of the forms. */
export type FormName =
  | 'duration'
  | 'url'
  | 'store'
  | 'provider'
  | 'key'
  | 'path'
  | 'location'
  | 'host'
  | 'secret'
  | 'listen'
  | 'network'
  | 'origin'
  | 'hostname'
  | 'timestamps'
  | 'witnessKey'

/** What else the schema says of a text. */
export interface Bounds {
  readonly least?: string
  readonly most?: string
}

/** What is wrong with a text; never quotes what may be a secret. */
export interface Complaint {
  readonly message: string
  readonly hint?: string
}

/** One form. */
export interface Form {
  /** For people: "expected …". */
  readonly expected: string
  /** For editors; {@link Form.check} says more. */
  readonly pattern?: string
  check(text: string, bounds: Bounds): Complaint | undefined
  /** Makes a path in the text, relative to the folder of the file, relative to the working folder. */
  rebase?(text: string, folder: string): string
}

/** What a key is called: never mistaken for a path or a URI. */
export const KEY_NAME_PATTERN = '^[a-z][a-z0-9_-]{0,62}$'

/** Whether a text has the form of a key's name. */
export function isKeyName(text: string): boolean {
  return new RegExp(KEY_NAME_PATTERN).test(text)
}

/** Of the host alone: verifiers of Sigstore compare it with the host of the log's address. */
const HOSTNAME_PATTERN = '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$'
/** What a signed note may name itself by, and a file system or address can hold. */
const ORIGIN_PATTERN = '^[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$'

const HOST_PATTERN = '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\\[[0-9A-Fa-f:.]+\\](:[0-9]{1,5})?$'

/** Every form by name. */
export const FORMS: Readonly<Record<FormName, Form>> = {
  duration: {
    expected: 'a duration such as 30s, 15m, 1h or 90d',
    pattern: DURATION_PATTERN,
    check: checkDuration,
  },
  url: { expected: 'an https:// address', pattern: '^https?://', check: checkUrl },
  store: {
    expected: 'sqlite:FILE or postgres://user@host/db',
    check: checkStore,
    rebase: rebaseAfter('sqlite:'),
  },
  provider: {
    expected: joinOr(SIGNING_PROVIDERS.map(({ template }) => template)),
    pattern: `^(${SIGNING_PROVIDERS.map(({ scheme }) => scheme).join('|')}):`,
    check: complaintOf((text) => void parseProviderReference(text)),
    rebase: rebaseKey,
  },
  key: {
    expected: 'the name of a key, or a key reference',
    check: complaintOf((text) => {
      assertNoSecret(parseKeyUri(text))
    }),
    rebase: (text, folder) => (isKeyName(text) ? text : rebaseKey(text, folder)),
  },
  path: { expected: 'a path', check: checkPath, rebase: rebasePath },
  location: {
    expected: 'a path, or s3://BUCKET/KEY',
    check: checkLocation,
    rebase: (text, folder) => (isS3Uri(text) ? text : rebasePath(text, folder)),
  },
  host: { expected: 'host or host:port', pattern: HOST_PATTERN, check: checkHost },
  secret: {
    expected: 'a reference to a secret: file:PATH or env:NAME',
    pattern: SECRET_PATTERN,
    check: checkSecret,
    rebase: rebaseAfter('file:'),
  },
  listen: {
    expected: 'an address and a port, such as 127.0.0.1:8080',
    pattern: HOST_PATTERN,
    check: checkListen,
  },
  network: { expected: 'an IP address, or a network such as 10.0.0.0/8', check: checkNetwork },
  origin: {
    expected: 'a host and path without a scheme, such as sign.example.com/log',
    pattern: ORIGIN_PATTERN,
    check: matching('origin'),
  },
  hostname: {
    expected: 'a host name in lower case without port or path, such as log.example.com',
    pattern: HOSTNAME_PATTERN,
    check: matching('hostname'),
  },
  witnessKey: {
    expected: 'the verifier key of a witness: name+id+key',
    check: complaintOf((text) => void readWitnessKeys([text])),
  },
  timestamps: { expected: 'embedded, none or an address', check: checkTimestamps },
}

/** Makes a check of a parser: its error is the complaint. */
function complaintOf(parse: (text: string) => void): Form['check'] {
  return (text) => {
    try {
      parse(text)
      return undefined
    } catch (error) {
      if (!CountersignError.is(error)) throw error
      const { message, hint } = error
      return hint === undefined ? { message } : { message, hint }
    }
  }
}

function checkDuration(text: string, { least, most }: Bounds): Complaint | undefined {
  const complaint = complaintOf((text) => void parseDurationSeconds(text))(text, {})
  if (complaint !== undefined) return complaint
  const seconds = parseDurationSeconds(text)
  const isLong = least === undefined || seconds >= parseDurationSeconds(least)
  const isShort = most === undefined || seconds <= parseDurationSeconds(most)
  if (isLong && isShort) return undefined
  return { message: `"${text}" is not within ${least ?? '1s'} to ${most ?? '36500d'}` }
}

function checkUrl(text: string): Complaint | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) return { message: `expected ${FORMS.url.expected}, found "${text}"` }
  if (url.username !== '' || url.password !== '')
    return { message: 'the address holds credentials' }
  if (url.search !== '' || url.hash !== '') {
    return { message: `"${text}" has a query or a fragment; an issuer has none` }
  }
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)) return undefined
  return { message: `"${text}" is not https`, hint: 'plain http is for localhost only' }
}

function checkStore(text: string): Complaint | undefined {
  if (/^sqlite:./.test(text)) return undefined
  const urls = splitPostgresHosts(text)
  if (urls === undefined) return { message: `expected ${FORMS.store.expected}` }
  if (urls.every(({ password }) => password === '') && !/[?&]password=/i.test(text)) {
    return undefined
  }
  return {
    message: 'the address of the store holds a password',
    hint: 'take it out and let storePassword say where it is: file:PATH or env:NAME',
  }
}

function checkPath(text: string): Complaint | undefined {
  if (text !== '' && !text.includes('\0')) return undefined
  return { message: 'the path is empty' }
}

function checkLocation(text: string): Complaint | undefined {
  return isS3Uri(text) ? complaintOf(parseS3Uri)(text, {}) : checkPath(text)
}

function checkHost(text: string): Complaint | undefined {
  if (new RegExp(HOST_PATTERN).test(text)) return undefined
  return unexpected('host', text)
}

function unexpected(form: FormName, text: string): Complaint {
  return { message: `expected ${FORMS[form].expected}, found "${text}"` }
}

/** Makes the check of a form that its pattern describes whole. */
function matching(form: FormName): Form['check'] {
  return (text) =>
    new RegExp(FORMS[form].pattern ?? '').test(text) ? undefined : unexpected(form, text)
}

function checkListen(text: string): Complaint | undefined {
  const port = /:([0-9]{1,5})$/.exec(text)?.[1]
  const isPort = port !== undefined && Number(port) <= 65_535
  return isPort && new RegExp(HOST_PATTERN).test(text) ? undefined : unexpected('listen', text)
}

function checkNetwork(text: string): Complaint | undefined {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  const most = family === 6 ? 128 : 32
  const isLength = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= most)
  return family !== 0 && isLength && rest.length === 0 ? undefined : unexpected('network', text)
}

function checkTimestamps(text: string): Complaint | undefined {
  if (text === 'embedded' || text === 'none') return undefined
  return /^https?:/.test(text) ? checkUrl(text) : unexpected('timestamps', text)
}

/** The text itself is never shown: it may be the secret, pasted in by mistake. */
function checkSecret(text: string): Complaint | undefined {
  if (new RegExp(SECRET_PATTERN).test(text)) return undefined
  return {
    message: `expected ${FORMS.secret.expected}`,
    hint: 'a secret itself is never written into the configuration',
  }
}

function rebaseAfter(prefix: string): (text: string, folder: string) => string {
  return (text, folder) =>
    text.startsWith(prefix) ? `${prefix}${rebasePath(text.slice(prefix.length), folder)}` : text
}

function rebaseKey(text: string, folder: string): string {
  return findProvider(text)?.rebase?.(text, folder) ?? text
}

function rebasePath(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path)
}
