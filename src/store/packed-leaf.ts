/**
 * Leaf data as it lies in a table: compressed with what nearly all leaves have in common, since most of a leaf
 * is names of members and claims. What is hashed, served and exported is the leaf itself.
 *
 * @packageDocumentation
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { CountersignError } from '../errors.ts'
import { MAX_ENTRY_BYTES } from '../log/entry-bundle.ts'

/** First byte of a packed leaf. A form that was released is read for ever. */
const PLAIN = 0
const DEFLATED = 1

/**
 * What {@link DEFLATED} begins with, in the order in which leaves have it, most frequent last. Never change it:
 * leaves that were packed with it could not be read. Another one is another first byte.
 */
const DICTIONARY: Buffer = Buffer.from(
  [
    '"issuer":"https://gitlab.com","subject":"project_path:system:serviceaccount:"claims":{"azp":"',
    '"client_id":"ci_config_ref_uri":"ci_config_sha":"job_id":"kubernetes.io":{"namespace":"node":{"name":"',
    '"uid":"pod":"serviceaccount":"warnafter":"namespace_id":"namespace_path":"pipeline_id":"pipeline_source":"',
    '"project_id":"project_path":"user_id":"',
    '{"v":1,"type":"denial","time":"{"v":1,"type":"timestamp","serial":"","digest":"sha512:"action":"","resource":"","code":"',
    'ERR_NOT_ALLOWED","reason":"{"v":1,"type":"token","jti":"","audience":["https://"],"expires":"',
    '{"apiVersion":"1","kind":"countersign-signature","spec":{"kid":"","algorithm":"PS256","content":"envelope",',
    '"digest":"sha256:","signatureSha256":"PKIX_RSA_PKCS1V15_3072_SHA256',
    '{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256",',
    '"digest":"="},"signature":{"content":"MEUCIQ","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256",',
    '"publicKey":{"rawBytes":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE=="}}}}}}',
    '{"v":1,"type":"attestation","time":"{"v":1,"type":"signature","time":"202","requestId":"","caller":{',
    '"issuer":"https://token.actions.githubusercontent.com","subject":"repo::ref:refs/heads/main","claims":{',
    '"actor_id":"","environment":"production","event_name":"push",',
    '"job_workflow_ref":"/.github/workflows/release.yml@refs/tags/v","job_workflow_sha":"","jti":"",',
    '"ref":"refs/heads/main","ref_type":"branch","repository":"","repository_id":"","repository_owner":"",',
    '"repository_owner_id":"","repository_visibility":"private","run_attempt":"1","run_id":"","run_number":"",',
    '"runner_environment":"github-hosted","sha":"","workflow_ref":"/.github/workflows/.yml@refs/heads/main",',
    '"workflow_sha":""}},"key":{"name":"","version":1,"kid":""},"digests":["sha256:"],',
    '"predicateType":"https://slsa.dev/provenance/v1","bundleSha256":"","timestamp":{"kid":"","time":"202',
    '"},"backendRequestId":"","answerSha256":"","publicEntry":{"index":,"leafSha256":""}}',
  ].join(''),
)

/** Enough for a leaf of a usual size: what is larger is set up for each leaf, and gains nothing. */
const WINDOW_BITS = 12
const PACKING = { dictionary: DICTIONARY, windowBits: WINDOW_BITS, memLevel: 5, chunkSize: 1024 }
const UNPACKING = {
  dictionary: DICTIONARY,
  windowBits: WINDOW_BITS,
  chunkSize: 2048,
  maxOutputLength: MAX_ENTRY_BYTES,
}

/** Packs leaf data for its table. */
export function packLeaf(data: Uint8Array): Uint8Array {
  const deflated = deflateRawSync(data, PACKING)
  const [form, body] = deflated.length < data.length ? [DEFLATED, deflated] : [PLAIN, data]
  return Buffer.concat([Buffer.of(form), body])
}

/**
 * Reads leaf data of a table. It may be of another's hand: what it holds is for the tree to prove.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it was not packed by {@link packLeaf}
 */
export function unpackLeaf(packed: Uint8Array): Uint8Array {
  const body = packed.subarray(1)
  if (packed[0] === PLAIN) return Uint8Array.from(body)
  try {
    if (packed[0] !== DEFLATED) throw new RangeError(`form ${packed[0]} is not known`)
    return Uint8Array.from(inflateRawSync(body, UNPACKING))
  } catch (cause) {
    throw new CountersignError('ERR_LOG_PROOF_INVALID', 'a stored entry cannot be unpacked', {
      hint: 'the database was changed by hand or is damaged: restore it from a backup',
      cause,
    })
  }
}
