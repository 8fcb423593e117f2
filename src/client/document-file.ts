/** Copies of fetched documents in files. */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import { readFileBounded, writeFileAtomically } from '../files.ts'
import { parseJson, readObject } from '../formats/json.ts'
import { assertVersion } from '../formats/versions.ts'
import type { DocumentCopy, StoredDocument } from './cached-document.ts'

const SCHEMA = 'countersign.cached-document.v1'
const ANY_SCHEMA = /^countersign\.cached-document\.v\d+$/
const MAX_COPY_BYTES = 16 * 1024 * 1024
/** RFC 9110 section 8.8.3: it goes into a header as it is. */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/

/**
 * Keeps a document in a file that only its owner reads and that is never seen half-written. What is there
 * and can't be read counts as absent, unless a later release kept it.
 *
 * @throws {@link CountersignError} from read: ERR_FORMAT_UNSUPPORTED — a later release kept it
 * @throws {@link CountersignError} from write: ERR_FILE_WRITE
 *
 * @example
 * ```ts
 * import { createBoundedGet, createDocumentFile, createJwksCache } from 'countersign'
 *
 * const keys = createJwksCache({
 *   url: new URL('https://sign.example.com/.well-known/jwks.json'),
 *   get: createBoundedGet({ allowPrivateAddresses: true }),
 *   now: () => new Date(),
 *   random: Math.random,
 *   copy: createDocumentFile('jwks-copy.json'),
 * })
 * console.log((await keys.refresh()).keys.length > 0) // true
 * ```
 */
export function createDocumentFile(path: string): DocumentCopy {
  return {
    read: async () => {
      try {
        return parseCopy(await readFileBounded(path, MAX_COPY_BYTES))
      } catch (error) {
        // It has what was seen last, which must not be forgotten because a later release kept it.
        if (CountersignError.is(error, 'ERR_FORMAT_UNSUPPORTED')) throw error
        if (CountersignError.is(error)) return undefined
        throw error
      }
    },
    write: (document) =>
      writeFileAtomically(path, serializeCopy(document), { mode: 0o600, overwrite: true }),
  }
}

function serializeCopy({ body, etag, fetchedAt, freshSeconds, context }: StoredDocument): string {
  const copy = {
    schema: SCHEMA,
    ...(etag !== undefined && { etag }),
    fetchedAt: fetchedAt.toISOString(),
    freshSeconds,
    context,
    body: encodeBase64(body),
  }
  return `${JSON.stringify(copy)}\n`
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_TRUST_INVALID', `malformed copy of a document: ${why}`)
}

function parseCopy(bytes: Uint8Array): StoredDocument {
  const copy = readObject(parseJson(bytes, { maxBytes: MAX_COPY_BYTES }), malformed, 'it')
  const schema = copy.text('schema')
  if (ANY_SCHEMA.test(schema)) assertVersion('the copy of a document', schema, SCHEMA)
  else throw malformed('another schema')
  const body = decodeBase64(copy.text('body'))
  const fetchedAt = new Date(copy.text('fetchedAt'))
  const freshSeconds = copy.value('freshSeconds')
  if (body === undefined || Number.isNaN(fetchedAt.getTime())) throw malformed('a member')
  if (typeof freshSeconds !== 'number') throw malformed('freshSeconds')
  const tag = copy.optionalText('etag') ?? ''
  const etag = ETAG.test(tag) ? tag : undefined
  return { body, etag, fetchedAt, freshSeconds, context: copy.object('context').json }
}
