/** `countersign token inspect`. */
import { printableJson } from '../../src/formats/printable.ts'
import { toUtcSeconds } from '../../src/formats/time.ts'
import { type Claims, parseJwt } from '../../src/formats/jwt.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'
import { type Mark, renderBlock, type Row } from '../render/layout.ts'
import { readTokenInput, type TokenFlags } from './input.ts'

const NOT_VERIFIED: Mark = { word: 'NOT VERIFIED', style: 'bad' }

function toRows({ expires }: Pick<Claims, 'expires'>, now: Date): readonly Row[] {
  const hint: Row = ['hint', 'its content may be forged; verify it: countersign token verify']
  if (expires === undefined) return [hint]
  return [[expires <= now ? 'expired' : 'expires', `${toUtcSeconds(expires)}, as it states`], hint]
}

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
  const content = { header: header.json, claims: claims.json }
  terminal.say(renderBlock(NOT_VERIFIED, 'token', toRows(claims, context.now()), terminal))
  return {
    exitCode: 0,
    document: {
      schema: schema('token-inspection'),
      ok: true,
      exitCode: 0,
      verified: false,
      ...content,
    },
    text: `${printableJson(content)}\n`,
  }
}
