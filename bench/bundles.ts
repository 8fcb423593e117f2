import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { digestOf } from '../src/crypto/digest.ts'
import { fromKeyObject, type PublicKeyInfo } from '../src/crypto/public-key.ts'
import { createFileBackend } from '../src/providers/file/backend.ts'
import { signStatement, signFileDigest, signArtifact } from '../src/signing/sign-artifact.ts'
import { createSigner, type Signer } from '../src/signing/signer.ts'
import { createSubject } from '../src/formats/statement.ts'

/** The algorithms every other tool in the field verifies. */
export type BenchAlgorithm = 'ES256' | 'RS256'

/** Sizes of RSA keys that are measured. */
export type BenchRsaBits = 2048 | 3072

/** A key of this process, for what no backend has to sign. */
export interface BenchKey {
  readonly privateKey: KeyObject
  readonly key: PublicKeyInfo
  readonly signer: Signer
}

/** Makes a key; RSA keys have 2048 bits unless told, which KMS, HSMs and files all hold. */
export function makeKey(algorithm: BenchAlgorithm, rsaBits: BenchRsaBits = 2048): BenchKey {
  const { privateKey, publicKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: rsaBits })
  const key = fromKeyObject(publicKey, algorithm)
  const signer = createSigner(key, createFileBackend(key.algorithm, privateKey))
  return { privateKey, key, signer }
}

/** The file that is signed and verified in memory. */
export const ARTIFACT: Buffer = Buffer.alloc(4096, 'an artifact ')

const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1'

/** Attests provenance of a usual size (about 1.5 KiB) of the artifact. */
export async function makeAttestation(signer: Signer): Promise<Buffer> {
  const dependency = (index: number): object => ({
    uri: `git+https://example.com/acme/library-${index}@refs/tags/v1.${index}.0`,
    digest: { gitCommit: createHash('sha1').update(String(index)).digest('hex') },
  })
  const { bundle } = await signStatement(signer, {
    subjects: [createSubject(digestOf(ARTIFACT), { name: 'artifact.tar.gz' })],
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: 'https://actions.github.io/buildtypes/workflow/v1',
        externalParameters: {
          workflow: { ref: 'refs/heads/main', path: '.github/workflows/ci.yml' },
        },
        resolvedDependencies: [0, 1, 2, 3, 4].map(dependency) as never[],
      },
      runDetails: {
        builder: { id: 'https://example.com/builder' },
        metadata: { invocationId: '1' },
      },
    },
  })
  return Buffer.from(bundle)
}

/** Signs the artifact as cosign signs an image: the smallest statement there is. */
export async function makeImageSignature(signer: Signer): Promise<Buffer> {
  const { bundle } = await signArtifact(signer, { digest: digestOf(ARTIFACT) })
  return Buffer.from(bundle)
}

/** Signs the artifact as a file. */
export async function makeFileSignature(signer: Signer): Promise<Buffer> {
  const { bundle } = await signFileDigest(signer, digestOf(ARTIFACT))
  return Buffer.from(bundle)
}
