/** What is attached to an artifact, as a tree. */
import type { AttachmentNode } from '../artifacts/discovery.ts'
import { formatBytes } from '../terminal/progress.ts'
import { predicateName, SIGN_PREDICATE_TYPE } from '../../src/formats/predicates/types.ts'
import { printable } from '../../src/formats/printable.ts'
import { type Painter, shortKid } from './layout.ts'
import { nameWithoutDigest } from './verify.ts'

/** An artifact and what hangs on it. */
export interface AttachmentTree {
  readonly name: string
  readonly digest?: string | undefined
  readonly attached: readonly AttachmentNode[]
}

/** Renders an artifact with everything attached to it: what each is, and on the next line its digest. */
export function renderTree({ name, digest, attached }: AttachmentTree, painter: Painter): string {
  const root = painter.style('bold', printable(nameWithoutDigest({ name, digest })))
  const isNamed = digest === undefined || name === digest
  const lines = attached.length === 0 ? ['└── nothing is attached'] : renderNodes(attached, painter)
  return [root, ...(isNamed ? [] : [digest]), ...lines, ''].join('\n')
}

function renderNodes(nodes: readonly AttachmentNode[], painter: Painter): readonly string[] {
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1
    const below = renderNodes(node.attached, painter)
    const [first = '', ...more] = [...renderNode(node, painter), ...below]
    return [
      `${isLast ? '└──' : '├──'} ${first}`,
      ...more.map((line) => `${isLast ? '   ' : '│  '} ${line}`),
    ]
  })
}

function renderNode(node: AttachmentNode, painter: Painter): readonly string[] {
  const { digest, size, bundle, error } = node
  const facts = [
    ...(size === undefined ? [] : [formatBytes(size)]),
    ...(bundle?.hint === undefined ? [] : [`key hint ${shortKid(bundle.hint, painter)}`]),
    ...(bundle?.certificate === true ? ['certificate inside'] : []),
    ...count(bundle?.logEntries, 'log entry', 'log entries'),
    ...count(bundle?.timestamps, 'time stamp', 'time stamps'),
  ]
  const label = painter.style('bold', printable(labelNode(node)))
  return [
    facts.length === 0 ? label : `${label}  ${facts.map(printable).join(', ')}`,
    ...(digest === undefined ? [] : [digest]),
    ...(error === undefined ? [] : [printable(`unreadable: ${error.message} [${error.code}]`)]),
  ]
}

/** A bundle is called by what it says; whether it is true is not known here. */
function labelNode({ type, predicateType, bundle }: AttachmentNode): string {
  if (bundle?.content === 'message' || predicateType === SIGN_PREDICATE_TYPE) return 'signature'
  if (predicateType === undefined) return type
  const name = predicateName(predicateType)
  return type.startsWith('legacy') ? `${name} (${type})` : name
}

function count(number = 0, one: string, several: string): readonly string[] {
  return number === 0 ? [] : [`${number} ${number === 1 ? one : several}`]
}
