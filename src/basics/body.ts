/** Bodies of HTTP answers, which may be of any length. */

/**
 * Reads the beginning of a body and lets go of the rest.
 *
 * @param limit - most bytes that are read
 */
export async function readStart(
  body: AsyncIterable<Uint8Array> | null,
  limit: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= limit) break
  }
  return Buffer.concat(chunks).subarray(0, limit)
}

/** Reads a whole body; undefined where it is over a number of bytes. */
export async function readWhole(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const bytes = await readStart(body, maxBytes + 1)
  return bytes.length > maxBytes ? undefined : bytes
}
