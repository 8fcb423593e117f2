/** The mode `token`: issues a token that the workflow presents to another system. */
import { assertAsOrdered } from '../src/client/check-token.ts'
import { CountersignError } from '../src/errors.ts'
import { toUtcSeconds } from '../src/formats/time.ts'
import { assertJobIdentity } from './identity.ts'
import type { TokenInputs } from './inputs.ts'
import { code, escapeMarkdown, table } from './markdown.ts'
import { openClient } from './service-signer.ts'
import type { StepContext, StepOutcome } from './step.ts'

/**
 * Issues a token, verifies it as its receivers will, and masks it before it is returned.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — the key is not of a service; what the service
 * refuses with; and the code of the first check of the token that fails
 */
export async function issueStepToken(
  { key, audience, claims, lifetimeSeconds, expected }: TokenInputs,
  context: StepContext,
): Promise<StepOutcome> {
  if (key.kind !== 'service') {
    throw new CountersignError('ERR_OPERATION_UNSUPPORTED', 'tokens are issued by a service', {
      hint: 'set server, and key to the name of a key there that has the use token',
    })
  }
  await assertJobIdentity(context)
  const { signal, log } = context
  const [first, ...more] = audience
  const request = {
    audience: more.length === 0 ? first : audience,
    ...(claims !== undefined && { claims }),
    ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
  }
  const client = openClient(key, context)
  const made = await client.issueToken(key.name, request, { signal })
  log.mask(made.token)
  await assertAsOrdered(made, { server: key.audience, order: { ...request, ...expected } }, context)
  const until = toUtcSeconds(made.expires)
  log.say(`issued for ${audience.join(', ')} until ${until}, by ${made.key}@${made.version}`)
  const { token, kid, version } = made
  const rows = audience.map((name) => [code(name), `${made.key}@${version}`, until])
  return {
    outputs: { token, 'key-id': kid, 'key-version': String(version), verified: 'true' },
    summary: [
      `### Token issued by ${escapeMarkdown(key.audience)}`,
      table(['Audience', 'Key', 'Valid until'], rows),
      '',
    ].join('\n\n'),
  }
}
