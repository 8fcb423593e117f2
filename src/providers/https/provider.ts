/** Public keys at web addresses, for verification only: at most 64 KiB, redirects on the same origin only. */
import { quoteForShell } from '../../formats/shell-word.ts'
import type { KeySource } from '../key-source.ts'
import { type KeyProvider, wrongScheme } from '../provider.ts'
import { createPublicKeySource, MAX_KEY_BYTES } from '../public-key-source.ts'
import { readWeb, type WebOptions } from './web-text.ts'

/** Reads keys from the web. */
export function openWeb({
  fetch,
  timeoutMs,
}: Pick<WebOptions, 'fetch' | 'timeoutMs'>): KeyProvider {
  return createPublicKeySource(async (uri, signal) => {
    if (uri.scheme !== 'https') throw wrongScheme('https', uri)
    const options = { fetch, timeoutMs, signal, maxBytes: MAX_KEY_BYTES }
    return [webSource(uri.url), await readWeb(uri.url, options)]
  })
}

function webSource(url: string): KeySource {
  const file = 'downloaded.key'
  return { name: `"${url}"`, file, save: `curl -sSf -o ${file} ${quoteForShell(url)}` }
}
