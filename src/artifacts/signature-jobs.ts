/**
 * What a service is asked to sign for artifacts: jobs, sent in batches.
 *
 * @packageDocumentation
 */
import type { ArtifactOutcome, SignaturesMade, SignedBy } from '../client/service-answers.ts'
import type { SignatureRequest } from '../client/service-client.ts'
import { CountersignError } from '../errors.ts'
import { dockerReference } from '../formats/image-reference.ts'
import type { SignatureOptions, SigningSubject } from './artifact-signer.ts'

/** One signature to be made for a subject: an image in both forms has two jobs. */
export interface SignatureJob<S = SigningSubject> {
  readonly subject: S
  readonly request: SignatureRequest
}

/** A job that the service has answered. */
export interface SignedJob<S = SigningSubject> extends SignatureJob<S> {
  readonly signedBy: SignedBy
  readonly result: ArtifactOutcome
}

/**
 * Lists the jobs of a subject.
 *
 * @throws {@link CountersignError} ERR_USAGE — cosign's older form is wanted of an image without repository
 */
export function toJobs<S extends SigningSubject>(
  subject: S,
  { format = 'bundle', annotations = {} }: SignatureOptions,
): readonly SignatureJob<S>[] {
  const { digests, isImage, subjectName } = subject
  const common = { digest: digests[0], ...(subjectName !== undefined && { name: subjectName }) }
  if (!isImage) return [{ subject, request: { ...common, kind: 'file' } }]
  const image = { ...common, kind: 'image', annotations } as const
  const bundle: SignatureJob<S> = { subject, request: image }
  if (format === 'bundle') return [bundle]
  if (subjectName === undefined) throw unnamed(subject)
  const reference = dockerReference(subjectName)
  const legacy: SignatureJob<S> = { subject, request: { ...image, format: 'legacy', reference } }
  return format === 'legacy' ? [legacy] : [bundle, legacy]
}

function unnamed({ name }: SigningSubject): CountersignError {
  return new CountersignError(
    'ERR_USAGE',
    `the older layout states the repository of an image, and "${name}" has none`,
    { hint: 'sign it as a bundle alone, or sign the image in its registry' },
  )
}

/** Sends jobs together, `size` in a request, each request once, when the first of it is needed. */
export function sendInBatches<S>(
  jobs: readonly SignatureJob<S>[],
  size: number,
  send: (artifacts: readonly SignatureRequest[]) => Promise<SignaturesMade>,
): (job: SignatureJob<S>) => Promise<SignedJob<S>> {
  const sent = new Map<number, Promise<SignaturesMade>>()
  const places = new Map(jobs.map((job, place) => [job, place]))
  return async (job) => {
    const index = places.get(job) ?? -1
    const start = index - (index % size)
    const sending =
      sent.get(start) ?? send(jobs.slice(start, start + size).map(({ request }) => request))
    sent.set(start, sending)
    const signedBy = await sending
    const result = signedBy.results[index - start]
    if (result === undefined) throw new RangeError('an artifact that was not prepared')
    return { ...job, signedBy, result }
  }
}
