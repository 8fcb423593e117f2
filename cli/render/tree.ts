/** What is attached to an artifact, as a tree. */
import type { AttachmentNode } from '../artifacts/discovery.ts'
import { formatBytes } from '../terminal/progress.ts'
import { printable } from '../../src/formats/printable.ts'

/** An artifact and what hangs on it. */
export interface AttachmentTree {
  readonly name: string
  readonly digest?: string | undefined
  readonly attached: readonly AttachmentNode[]
}

/** Renders an artifact with everything attached to it, one line each. */
export function renderTree({ name, digest, attached }: AttachmentTree): string {
  const root = digest === undefined || name.includes(digest) ? name : `${name} ${digest}`
  const lines = attached.length === 0 ? ['└── nothing is attached'] : renderNodes(attached)
  return [printable(root), ...lines, ''].join('\n')
}

function renderNodes(nodes: readonly AttachmentNode[]): readonly string[] {
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1
    const [first = '', ...more] = [...renderNode(node), ...renderNodes(node.attached)]
    return [
      `${isLast ? '└──' : '├──'} ${first}`,
      ...more.map((line) => `${isLast ? '   ' : '│  '} ${line}`),
    ]
  })
}

function renderNode(node: AttachmentNode): readonly string[] {
  const { type, predicateType, digest, size, bundle, error } = node
  const facts = [
    ...(digest === undefined ? [] : [digest]),
    ...(size === undefined ? [] : [formatBytes(size)]),
    ...(bundle?.hint === undefined ? [] : [`key hint ${bundle.hint}`]),
    ...(bundle?.certificate === true ? ['certificate inside'] : []),
    ...count(bundle?.logEntries, 'log entry', 'log entries'),
    ...count(bundle?.timestamps, 'time stamp', 'time stamps'),
  ]
  return [
    printable(predicateType === undefined ? type : `${predicateType} (${type})`),
    printable(facts.join(', ')),
    ...(error === undefined ? [] : [printable(`unreadable: ${error.message} [${error.code}]`)]),
  ]
}

function count(number = 0, one: string, several: string): readonly string[] {
  return number === 0 ? [] : [`${number} ${number === 1 ? one : several}`]
}
