/** `countersign log show`. */
import { parseJson } from '../../src/formats/json.ts'
import { toUtcSeconds } from '../../src/formats/time.ts'
import { type LeafContent, LeafReader } from '../../src/log/read-leaf.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { newestLeaves, type PlacedLeaf, readListed } from './entries.ts'
import { openLog } from './source.ts'
import { renderIndexed } from '../render/audit.ts'
import { schema } from '../render/json.ts'
import { type Painter, shortKid } from '../render/layout.ts'

/** Options of the command. */
export interface ShowLogFlags {
  readonly server?: string | undefined
  readonly kid?: string | undefined
  readonly digest?: string | undefined
  readonly type?: LeafContent['kind'] | undefined
  readonly limit: number
}

interface ReadLeaf extends PlacedLeaf {
  readonly content: LeafContent
}

/**
 * Lists leaves, the newest first.
 *
 * @throws {@link CountersignError} ERR_USAGE — no log is named; and those of reading it
 */
export async function showLog(
  folder: string | undefined,
  flags: ShowLogFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  const { source } = await openLog(folder, flags, environment)
  const reader = new LeafReader()
  const found: ReadLeaf[] = []
  for await (const leaf of newestLeaves(source, { signal: context.signal })) {
    const content = readListed(() => reader.read(leaf.data), { name: '' })
    if (isWanted(content, flags)) found.push({ ...leaf, content })
    if (found.length >= flags.limit) break
  }
  terminal.say('not verified; to verify it: countersign log verify')
  return {
    exitCode: 0,
    report: found.map((leaf) => renderLeaf(leaf, terminal.report)).join(''),
    document: {
      schema: schema('log-entries'),
      ok: true,
      exitCode: 0,
      isVerified: false,
      entries: found.map(({ index, data }) => ({ index, entry: parseJson(data) })),
    },
  }
}

function isWanted(content: LeafContent, { kid, digest, type }: ShowLogFlags): boolean {
  if (type !== undefined && content.kind !== type) return false
  if (kid !== undefined && kidOf(content) !== kid) return false
  return digest === undefined || (content.kind === 'signature' && content.digest === digest)
}

function kidOf(content: LeafContent): string | undefined {
  if (content.kind === 'unknown') return undefined
  return content.kind === 'state' ? content.state.key.kid : content.kid
}

function renderLeaf({ index, content }: ReadLeaf, painter: Painter): string {
  const kind = content.kind.padEnd(9)
  switch (content.kind) {
    case 'signature':
      return renderIndexed(index, [kind, `kid ${shortKid(content.kid, painter)}`], [content.digest])
    case 'state': {
      const { key, from = 'new', to, time } = content.state
      const change = `${key.name}@${key.version}  ${from} -> ${to}`
      const kid = `kid ${shortKid(key.kid, painter)}`
      return renderIndexed(index, [kind, change, kid], [toUtcSeconds(time)])
    }
    case 'unknown':
      return renderIndexed(index, [kind, `of a later release: ${content.why}`], [])
  }
}
