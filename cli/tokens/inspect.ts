/** `countersign token inspect`. */
import { printableJson } from '../../src/formats/printable.ts'
import { toUtcSeconds } from '../../src/formats/time.ts'
import { parseJwt } from '../../src/formats/jwt.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'
import { readTokenInput, type TokenFlags } from './input.ts'

/**
 * Shows the content of a token, and warns loudly that it is not verified.
 *
 * @throws CountersignError ERR_JWT_INVALID — it is not a token; and those of reading it
 */
export async function inspectTokenCommand(
  argument: string | undefined,
  flags: TokenFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { terminal, context } = environment
  const { header, claims } = parseJwt(await readTokenInput(argument, flags, environment))
  const said = { header: header.json, claims: claims.json }
  const { expires } = claims
  terminal.say(
    `${terminal.style('bad', 'NOT VERIFIED')}: a token like this can be forged; check it with countersign token verify`,
  )
  if (expires !== undefined) {
    const isOver = expires <= context.now()
    terminal.say(`${isOver ? 'expired' : 'expires'} at ${toUtcSeconds(expires)}, it says`)
  }
  return {
    exitCode: 0,
    document: {
      schema: schema('token-inspection'),
      ok: true,
      exitCode: 0,
      verified: false,
      ...said,
    },
    text: `${printableJson(said)}\n`,
  }
}
