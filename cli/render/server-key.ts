/** Keys of a service, and what was done to them, as lines for people; all of it is the service's word. */
import type { ObjectReader } from '../../src/formats/json.ts'
import { printable } from '../../src/formats/printable.ts'
import {
  type Mark,
  type Painter,
  renderBlock,
  renderRows,
  renderTable,
  type Row,
  shortKid,
  toReport,
} from './layout.ts'

/** Times of a version, in the order they come about, and how each is called. */
const TIMES = {
  activatedAt: 'since',
  retiredAt: 'since',
  revokedAt: 'since',
  compromisedSince: 'compromised since',
  destroyedAt: 'since',
} as const

/** Renders a key with a line for each version. */
export function renderServerKey(key: ObjectReader, painter: Painter): string {
  const name = key.text('name')
  const title = `${painter.style('bold', printable(name))}  ${key.text('use')} ${key.text('algorithm')}`
  return toReport([title, ...renderVersions(name, key.objects('versions'), painter)])
}

const CHANGED: Mark = { word: 'CHANGED', style: 'good' }
const PLANNED: Mark = { word: 'PLANNED', style: 'bold' }
const REFUSED: Mark = { word: 'REFUSED', style: 'bad' }

/** Renders what a change did: a line for each version, and what the backend said. */
export function renderDone(name: string, answer: ObjectReader, painter: Painter): string {
  const all = answer.objects('changed', 'optional')
  // Made and published in one go, a version is there twice.
  const changed = all.filter(
    (one, place) => !all.slice(place + 1).some((later) => isSameVersion(one, later)),
  )
  const backend = answer.optionalObject('backend')
  return toReport([
    renderBlock(CHANGED, name, [], painter),
    ...renderVersions(name, changed, painter),
    ...(backend === undefined ? [] : renderRows([['backend', describeBackend(backend)]], painter)),
  ])
}

/** Renders a plan: what would change, why it would be refused, and when each step can be. */
export function renderPlan(name: string, answer: ObjectReader, painter: Painter): string {
  const plan = answer.object('plan')
  const refusal = plan.optionalObject('refusal')
  const revocation = plan.optionalObject('revocation')
  const rows: readonly Row[] = [
    ...(refusal === undefined ? [] : describeRefusal(refusal)),
    ...plan.objects('changes').map((change) => describeChange(name, change)),
    ...(revocation === undefined ? [] : describeExposure(revocation)),
  ]
  const block = renderBlock(refusal === undefined ? PLANNED : REFUSED, name, rows, painter)
  if (revocation !== undefined) return toReport([block])
  const steps = plan.object('rotation').objects('steps')
  return toReport([
    block,
    'Next rotation, at the earliest:',
    ...renderTable(steps.map(describeStep), 2),
  ])
}

const WAITING: Mark = { word: 'WAITING', style: 'bold' }

/** Renders a change that waits for approvals: what would be done, who approved, and how to approve exactly that. */
export function renderApproval(approval: ObjectReader, painter: Painter): string {
  const id = approval.text('id')
  const approvers = approval.value('approvers')
  const rows: readonly Row[] = [
    ['id', id],
    ['expires', toSeconds(approval.text('expires'))],
    ['parameters', JSON.stringify(approval.object('parameters').json)],
    ['approved by', Array.isArray(approvers) ? approvers.map(String).join(', ') : 'none yet'],
    ['approve', `countersign key approve ${id} --request ${approval.text('requestSha256')}`],
  ]
  const name = `${approval.text('action')} ${approval.text('key')}`
  return toReport([renderBlock(WAITING, name, rows, painter)])
}

function renderVersions(
  name: string,
  versions: readonly ObjectReader[],
  painter: Painter,
): readonly string[] {
  const cells = versions.map((version) => [
    `${name}@${numberOf(version)}`,
    version.text('state'),
    describeTime(version),
    `kid ${shortKid(version.text('kid'), painter)}`,
  ])
  return renderTable(cells, 2)
}

function describeTime(version: ObjectReader): string {
  const names = Object.keys(TIMES) as (keyof typeof TIMES)[]
  const name = names.findLast((each) => version.optionalText(each) !== undefined)
  return name === undefined ? '' : `${TIMES[name]} ${toSeconds(version.text(name))}`
}

function toSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z')
}

function isSameVersion(one: ObjectReader, other: ObjectReader): boolean {
  return one.text('kid') === other.text('kid')
}

function numberOf(version: ObjectReader): string {
  return JSON.stringify(version.value('version') ?? null)
}

function describeChange(name: string, change: ObjectReader): Row {
  const from = change.optionalText('from') ?? 'new'
  return [`${name}@${numberOf(change)}`, `${from} -> ${change.text('to')}`]
}

function describeStep(step: ObjectReader): readonly string[] {
  return [step.text('step'), toSeconds(step.text('earliest')), step.text('boundBy')]
}

function describeRefusal(refusal: ObjectReader): readonly Row[] {
  const hint = refusal.optionalText('hint')
  const error: Row = ['error', refusal.text('detail')]
  return hint === undefined ? [error] : [error, ['hint', hint]]
}

/** The bound, and whom it does not hold for: that decides between the modes. */
function describeExposure(revocation: ObjectReader): readonly Row[] {
  const verifiers = revocation.objects('verifiers')
  const namesOf = (isMeant: (verifier: ObjectReader) => boolean): string =>
    verifiers
      .filter(isMeant)
      .map((verifier) => verifier.text('name'))
      .join(', ')
  const accepting = (how: string): string =>
    namesOf((verifier) => verifier.value('accepts') === how)
  const groups: readonly Row[] = [
    ['until they meet an unknown kid or are restarted', accepting('without-end')],
    ['until they meet a token of the new version', accepting('until-fresh-token')],
    [
      'may refuse good tokens of the next version for a while',
      namesOf((verifier) => Number(verifier.value('refusesSeconds') ?? 0) > 0),
    ],
  ]
  return [
    [
      'exposed until',
      `${toSeconds(revocation.text('exposedUntil'))}, for verifiers that are supported`,
    ],
    ...groups.filter(([, names]) => names !== ''),
  ]
}

function describeBackend(backend: ObjectReader): string {
  const outcome = `${backend.text('action')} ${backend.text('outcome')}`
  const error = backend.optionalObject('error')
  if (error !== undefined) return `${outcome}: ${error.text('detail')}`
  const isByHand = backend.text('action') === 'disable' && backend.text('outcome') === 'unsupported'
  if (isByHand) return `${outcome}: disable the private key there yourself`
  const effectiveAt = backend.optionalText('effectiveAt')
  return effectiveAt === undefined ? outcome : `${outcome}, effective ${toSeconds(effectiveAt)}`
}
