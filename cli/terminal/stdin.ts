/** Standard input as a whole, bounded. */
import { CountersignError } from '../../src/errors.ts'
import type { Context } from '../context.ts'

/**
 * Reads standard input to its end.
 *
 * @param what - what is read, for the error
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — over `maxBytes`
 */
export async function readStdinBounded(
  { stdin }: Context,
  maxBytes: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of stdin) {
    total += chunk.length
    if (total > maxBytes) {
      throw new CountersignError('ERR_INPUT_TOO_LARGE', `the ${what} is over ${maxBytes} bytes`, {
        details: { maxBytes },
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
