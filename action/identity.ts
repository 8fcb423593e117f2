/** The identity token of the job: whom the service, AWS and provenance believe. */
import { requestGithubToken } from '../src/client/github-token.ts'
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import { isJsonObject, type JsonValue, parseJson } from '../src/formats/json.ts'
import { type StepContext, variable } from './step.ts'

/** As long as the payload of a webhook may be. */
const MAX_EVENT_BYTES = 25 * 1024 * 1024

/**
 * Requests a token from GitHub right before it is used, since it is valid for five minutes. It is masked before
 * it is returned.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — the job may not have one; the hint says how to fix it;
 * ERR_NETWORK, ERR_TIMEOUT, ERR_CANCELLED
 */
export async function requestIdentity(audience: string, context: StepContext): Promise<string> {
  const { url, bearer } = await assertJobIdentity(context)
  const { runtime, signal, log } = context
  const token = await requestGithubToken({ url, bearer, audience }, runtime, signal)
  log.mask(token)
  return token
}

/**
 * Makes sure that the job may ask for a token, before anything is done in vain.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — it may not; the hint says how to fix it
 */
export async function assertJobIdentity(
  context: StepContext,
): Promise<{ readonly url: string; readonly bearer: string }> {
  const url = variable(context, 'ACTIONS_ID_TOKEN_REQUEST_URL')
  const bearer = variable(context, 'ACTIONS_ID_TOKEN_REQUEST_TOKEN')
  if (url === undefined || bearer === undefined) throw await noIdentity(context)
  return { url, bearer }
}

/** GitHub gives both variables, or neither: to jobs without the permission, and to those of forks. */
async function noIdentity(context: StepContext): Promise<CountersignError> {
  if (await isForkPullRequest(context)) {
    return new CountersignError(
      'ERR_NOT_AUTHENTICATED',
      'this pull request comes from a fork, and GitHub gives its jobs no identity token',
      {
        hint: "sign after the merge, in a workflow on push: add `if: github.event_name != 'pull_request'` to this step",
      },
    )
  }
  return new CountersignError('ERR_NOT_AUTHENTICATED', 'the job has no permission "id-token"', {
    hint: 'add to the job: `permissions: { id-token: write, contents: read }`; a reusable workflow needs it from its caller too',
  })
}

async function isForkPullRequest(context: StepContext): Promise<boolean> {
  const path = variable(context, 'GITHUB_EVENT_PATH')
  const name = variable(context, 'GITHUB_EVENT_NAME') ?? ''
  if (path === undefined || !name.startsWith('pull_request')) return false
  try {
    const maxBytes = MAX_EVENT_BYTES
    const event = parseJson(await readFileBounded(path, maxBytes), { maxBytes })
    const pull = member(event, 'pull_request')
    const [head, base] = ['head', 'base'].map((side) => member(member(pull, side), 'repo'))
    return member(head, 'full_name') !== member(base, 'full_name')
  } catch {
    // What the event was is only for a better sentence.
    return false
  }
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return value !== undefined && isJsonObject(value) && Object.hasOwn(value, name)
    ? value[name]
    : undefined
}
