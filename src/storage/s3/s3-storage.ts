/** Objects in an S3 bucket, over the AWS SDK; the only module that knows S3's part of it. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { RenewableCredentials } from '../../client/aws-credentials.ts'
import { type AwsConnection, awsSettings } from '../../client/aws-settings.ts'
import { CountersignError } from '../../errors.ts'
import type { ObjectStorage, StoredObject, WriteObjectOptions } from '../object-storage.ts'
import { s3ErrorName, toS3Error } from './errors.ts'
import type { S3Uri } from './uri.ts'

/** How S3 is connected to. */
export interface S3Connection extends AwsConnection {
  /** Whether the bucket is named in the path and not in the host, as servers other than AWS's have it. */
  readonly isPathStyle: boolean
}

/** Connects to a bucket; the first call shows whether that works. */
export function openS3Storage(uri: S3Uri, connection: S3Connection): ObjectStorage {
  return new S3Storage(uri, connection)
}

/** What S3 answers where an object is not the one that was seen, or another writes it now. */
const CHANGED: ReadonlySet<string> = new Set([
  'PreconditionFailed',
  'ConditionalRequestConflict',
  'NoSuchKey',
])
const ABSENT = 'NoSuchKey'

class S3Storage implements ObjectStorage {
  readonly name: string
  readonly #uri: S3Uri
  readonly #client: S3Client
  readonly #credentials: RenewableCredentials
  /** For a whole call with its repetitions. */
  readonly #callMs: number

  constructor(uri: S3Uri, connection: S3Connection) {
    const { bucket, key } = uri
    this.name = key === '' ? `s3://${bucket}` : `s3://${bucket}/${key}`
    this.#uri = uri
    this.#callMs = connection.requestMs * 2
    this.#client = new S3Client({
      ...awsSettings(uri, connection),
      forcePathStyle: connection.isPathStyle,
      // Servers other than AWS's do not all know the newer checksums.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
    this.#credentials = new RenewableCredentials(this.#client.config.credentials)
  }

  async read(key: string, maxBytes: number): Promise<StoredObject | undefined> {
    return this.#call('GetObject', async (abortSignal) => {
      const command = new GetObjectCommand(this.#locate(key))
      try {
        const answer = await this.#client.send(command, { abortSignal })
        return { bytes: await readBody(answer, maxBytes), version: versionOf(answer) }
      } catch (error) {
        if (s3ErrorName(error) === ABSENT) return undefined
        throw error
      }
    })
  }

  async write(
    key: string,
    bytes: Uint8Array,
    { headers = {}, seen }: WriteObjectOptions,
  ): Promise<boolean> {
    const condition = seen === undefined ? { IfNoneMatch: '*' } : { IfMatch: seen.version }
    const { cacheControl, contentType } = headers
    const command = new PutObjectCommand({
      ...this.#locate(key),
      ...condition,
      Body: bytes,
      CacheControl: cacheControl,
      ContentType: contentType,
    })
    return this.#call('PutObject', async (abortSignal) => {
      try {
        await this.#client.send(command, { abortSignal })
        return true
      } catch (error) {
        if (CHANGED.has(s3ErrorName(error))) return false
        throw error
      }
    })
  }

  async remove(key: string): Promise<void> {
    const command = new DeleteObjectCommand(this.#locate(key))
    await this.#call('DeleteObject', (abortSignal) => this.#client.send(command, { abortSignal }))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy()
    return Promise.resolve()
  }

  #locate(key: string): { readonly Bucket: string; readonly Key: string } {
    const { bucket: Bucket, key: prefix } = this.#uri
    return { Bucket, Key: prefix === '' ? key : `${prefix}/${key}` }
  }

  async #call<T>(operation: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const attempt = async (): Promise<T> => {
      const signal = AbortSignal.timeout(this.#callMs)
      try {
        return await send(signal)
      } catch (error) {
        throw toS3Error(error, { operation, location: this.name, isLate: signal.aborted })
      }
    }
    try {
      return await this.#credentials.retrying(attempt)
    } catch (error) {
      // Of this service's credentials, which are nothing that its callers could renew.
      if (!CountersignError.is(error, 'ERR_NOT_AUTHENTICATED')) throw error
      const { details, hint, message } = error
      throw new CountersignError('ERR_STORE_UNAVAILABLE', message, { details, hint, cause: error })
    }
  }
}

async function readBody(
  { Body, ContentLength }: GetObjectCommandOutput,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let total = 0
  if (Body === undefined) return new Uint8Array()
  const stream = Body.transformToWebStream() as ReadableStream<Uint8Array>
  for await (const chunk of stream) {
    total += chunk.length
    if (total > maxBytes) {
      const message = `an object of the bucket is over ${maxBytes} bytes`
      throw new CountersignError('ERR_INPUT_TOO_LARGE', message, { details: { maxBytes } })
    }
    chunks.push(chunk)
  }
  // A connection that ends early is not always an error of its own.
  if (ContentLength !== undefined && ContentLength !== total) throw new Error('the answer was cut')
  return Buffer.concat(chunks)
}

function versionOf({ ETag }: GetObjectCommandOutput): string {
  if (ETag === undefined) throw new Error('the answer has no entity tag')
  return ETag
}
