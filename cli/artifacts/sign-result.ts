/** What `sign` and `attest` answer: one result for each artifact, in order. */
import type { CountersignError } from '../../src/errors.ts'
import { toErrorDocument, worstExit } from '../../src/verification/result.ts'
import type { CommandSigner } from './open-signer.ts'
import type { Outcome } from '../context.ts'
import { withTypedHint } from '../render/hints.ts'
import { schema } from '../render/json.ts'
import { renderNames } from '../render/names.ts'
import { renderSigned } from '../render/sign.ts'
import { renderFailedLine } from '../render/verify.ts'
import type { CommandEnvironment } from '../command.ts'
import type { SignatureOutput } from '../../src/artifacts/artifact-signer.ts'
import type { DeliveredSignature, Delivery } from '../../src/artifacts/delivery.ts'
import type { OpenSubject } from '../../src/artifacts/open-subject.ts'
import type { SignedDocument } from './signed-document.ts'

/** A result or the reason why it is missing. */
export interface SignResult {
  readonly document: SignedDocument
  readonly error?: CountersignError
}

/** Where the bundle of an artifact is. */
interface Delivered extends DeliveredSignature {
  readonly logIndex: number | undefined
}

/** The result of an artifact whose bundle is where it belongs. */
function toSigned(
  { name, pinned, digests }: OpenSubject,
  { path, attached, logIndex }: Delivered,
): SignResult {
  return {
    document: {
      name,
      pinned,
      digest: digests[0],
      ok: true,
      ...(path === undefined ? {} : { bundle: path }),
      ...(attached === undefined ? {} : { attached }),
      ...(logIndex === undefined ? {} : { logIndex }),
    },
  }
}

/** The result of an artifact that failed, at any step. */
export function toUnsigned(name: string, thrown: unknown): SignResult {
  const error = withTypedHint(thrown)
  return { document: { name, ok: false, error: toErrorDocument(error) }, error }
}

/** Signs and delivers one artifact; what goes wrong becomes its result. */
export async function deliverOne(
  subject: OpenSubject,
  sign: (subject: OpenSubject) => Promise<SignatureOutput> | SignatureOutput,
  deliver: Delivery,
): Promise<SignResult> {
  try {
    const output = await sign(subject)
    const { logIndex } = output
    return toSigned(subject, { ...(await deliver(subject, output)), logIndex })
  } catch (thrown) {
    return toUnsigned(subject.name, thrown)
  }
}

/** Says every result and joins them: the worst decides the exit status. */
export function toSignOutcome(
  results: readonly SignResult[],
  { signer, warnings }: CommandSigner,
  { terminal }: CommandEnvironment,
): Outcome {
  const artifacts = results.map(({ document }) => document)
  for (const artifact of artifacts) {
    const text = renderSigned(artifact, signer.describe(), terminal)
    const { error } = artifact
    if (error === undefined) terminal.say(text)
    else terminal.talk(text, renderFailedLine(artifact.name, error, terminal))
  }
  const failures = results.flatMap(({ error }) => error ?? [])
  const exitCode = failures.length === 0 ? 0 : worstExit(failures)
  return {
    exitCode,
    text: renderNames(
      artifacts.flatMap(({ pinned }) => pinned ?? []),
      terminal,
    ),
    document: {
      schema: schema('sign-result'),
      ok: exitCode === 0,
      exitCode,
      key: signer.describe(),
      ...(warnings.length > 0 && { warnings }),
      artifacts,
    },
  }
}
