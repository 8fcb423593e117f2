/** Which key signs: one of a service, or one in AWS KMS that the job reaches itself. */
import { assertPrivate } from '../src/client/service-address.ts'
import { isKeyName } from '../src/config/forms.ts'
import { CountersignError } from '../src/errors.ts'
import { awskms } from '../src/providers/awskms/descriptor.ts'
import type { AwsKmsUri } from '../src/providers/awskms/uri.ts'
import { schemeOf } from '../src/providers/key-uri.ts'
import { type InputReader, usage } from './input-reader.ts'

/** A key of a service. */
export interface ServiceKey {
  readonly kind: 'service'
  readonly server: URL
  /** As it was written, without slashes at its end: the audience of the job's token. */
  readonly audience: string
  readonly name: string
}

/** A key in AWS KMS. */
export interface KmsKey {
  readonly kind: 'kms'
  readonly uri: AwsKmsUri
  /** The reference as it was written. */
  readonly text: string
  /** Role to take with the job's token; else the credentials that are there. */
  readonly role: string | undefined
}

/** The key inputs of a step. */
export interface KeyInputs {
  readonly key: ServiceKey | KmsKey
}

const ROLE = /^arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role\/[\w+=,.@/-]{1,512}$/

/**
 * Reads `key`, `server`, `role-to-assume` and `aws-region`.
 *
 * @throws {@link CountersignError} ERR_USAGE — missing, or not fitting each other; ERR_KEY_URI_INVALID — a
 * malformed KMS key; ERR_OPERATION_UNSUPPORTED — a key of a kind that is not on a runner
 */
export function readKeyInputs(reader: InputReader): KeyInputs {
  const key = reader.required('key', `name a key of the service, or ${awskms.template}`)
  return {
    key: schemeOf(key) === awskms.scheme ? readKmsKey(key, reader) : readServiceKey(key, reader),
  }
}

function readServiceKey(name: string, reader: InputReader): ServiceKey {
  const scheme = /^([a-z0-9]+):/i.exec(name)?.[1]
  if (scheme !== undefined) {
    throw new CountersignError('ERR_OPERATION_UNSUPPORTED', `no ${scheme}: key is on a runner`, {
      hint: `set server, and key to the name of a key there; or key to one in ${awskms.title}: ${awskms.template}`,
    })
  }
  const server = reader.required('server', 'set it to the address of your countersign service')
  const url = URL.parse(server)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw usage(`server is "${server}"`, 'write the whole address: https://sign.example.com')
  }
  assertPrivate(url)
  if (!isKeyName(name)) {
    throw usage(`key is "${name}"`, 'write the name of a key of the service: letters, digits, -')
  }
  return { kind: 'service', server: url, audience: server.replace(/\/+$/, ''), name }
}

function readKmsKey(text: string, reader: InputReader): KmsKey {
  if (reader.text('server') !== undefined) {
    throw usage('server and a key in AWS KMS are given', 'leave one of them out')
  }
  const role = reader.text('role-to-assume')
  if (role !== undefined && !ROLE.test(role)) {
    throw usage(`role-to-assume is "${role}"`, 'write its ARN: arn:aws:iam::123456789012:role/NAME')
  }
  const region = reader.text('aws-region')
  const uri = awskms.parse(text)
  return {
    kind: 'kms',
    uri: { ...(region !== undefined && { region }), ...uri },
    text,
    role,
  }
}
