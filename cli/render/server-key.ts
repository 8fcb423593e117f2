/** Keys of a service, and what was done to them, as lines for people; all of it is the service's word. */
import type { ObjectReader } from '../../src/formats/json.ts'
import { printable } from '../../src/formats/printable.ts'

/** Times of a version, in the order they come about. */
const TIMES = ['activatedAt', 'retiredAt', 'revokedAt', 'compromisedSince', 'destroyedAt'] as const

/** Renders a key with a line for each version. */
export function renderServerKey(key: ObjectReader): string {
  const title = `${key.text('name')}  ${key.text('use')} ${key.text('algorithm')}`
  return [title, ...key.objects('versions').map((version) => `  ${renderVersion(version)}`)]
    .map((line) => `${printable(line)}\n`)
    .join('')
}

/** Renders what a change did: a line for each version, and what the backend said. */
export function renderDone(answer: ObjectReader): string {
  const all = answer.objects('changed', 'optional')
  // Made and published in one go, a version is there twice.
  const changed = all
    .filter((one, place) => !all.slice(place + 1).some((later) => isSameVersion(one, later)))
    .map(renderVersion)
  const backend = answer.optionalObject('backend')
  const lines = backend === undefined ? changed : [...changed, renderBackend(backend)]
  return lines.map((line) => `${printable(line)}\n`).join('')
}

/** Renders a plan: what would change, why it would be refused, and when each step can be. */
export function renderPlan(answer: ObjectReader): string {
  const plan = answer.object('plan')
  const refusal = plan.optionalObject('refusal')
  const revocation = plan.optionalObject('revocation')
  const lines = [
    ...plan.objects('changes').map(renderChange),
    ...(refusal === undefined ? [] : renderRefusal(refusal)),
    ...(revocation === undefined
      ? [
          'the next rotation, at the earliest:',
          ...plan.object('rotation').objects('steps').map(renderStep),
        ]
      : renderExposure(revocation)),
  ]
  return lines.map((line) => `${printable(line)}\n`).join('')
}

/** Renders what waits: what would be done, who agreed, and how to approve exactly that. */
export function renderApproval(approval: ObjectReader): string {
  const id = approval.text('id')
  const approvers = approval.value('approvers')
  const lines = [
    `${id}  ${approval.text('action')} ${approval.text('key')}, until ${approval.text('expires')}`,
    `  says: ${JSON.stringify(approval.object('parameters').json)}`,
    `  agreed: ${Array.isArray(approvers) ? approvers.map(String).join(', ') : 'none yet'}`,
    `  approve: countersign key approve ${id} --request ${approval.text('requestSha256')}`,
  ]
  return lines.map((line) => `${printable(line)}\n`).join('')
}

function renderVersion(version: ObjectReader): string {
  const time = TIMES.findLast((name) => version.optionalText(name) !== undefined)
  const since = time === undefined ? '' : ` (${time} ${version.text(time)})`
  return `${numberOf(version)}  ${version.text('state')}${since}  kid ${version.text('kid')}`
}

function isSameVersion(one: ObjectReader, other: ObjectReader): boolean {
  return one.text('kid') === other.text('kid')
}

function numberOf(version: ObjectReader): string {
  return JSON.stringify(version.value('version') ?? null)
}

function renderChange(change: ObjectReader): string {
  const from = change.optionalText('from') ?? 'new'
  return `version ${numberOf(change)}: ${from} -> ${change.text('to')}`
}

function renderStep(step: ObjectReader): string {
  return `  ${step.text('step').padEnd(10)}  ${step.text('earliest')}  ${step.text('boundBy')}`
}

function renderRefusal(refusal: ObjectReader): readonly string[] {
  const hint = refusal.optionalText('hint')
  return [
    `would be refused: ${refusal.text('detail')}`,
    ...(hint === undefined ? [] : [`  ${hint}`]),
  ]
}

/** The bound, and whom it does not hold for: that decides between the modes. */
function renderExposure(revocation: ObjectReader): readonly string[] {
  const verifiers = revocation.objects('verifiers')
  const namesOf = (isMeant: (verifier: ObjectReader) => boolean): string =>
    verifiers
      .filter(isMeant)
      .map((verifier) => verifier.text('name'))
      .join(', ')
  const groups: readonly (readonly [string, string])[] = [
    [
      'without end, until they meet an unknown kid or are restarted',
      namesOf((verifier) => verifier.value('accepts') === 'without-end'),
    ],
    [
      'until they meet a token of the new version',
      namesOf((verifier) => verifier.value('accepts') === 'until-fresh-token'),
    ],
  ]
  const refusing = namesOf((verifier) => Number(verifier.value('refusesSeconds') ?? 0) > 0)
  return [
    `exposed until ${revocation.text('exposedUntil')}, for verifiers that are supported`,
    ...groups.flatMap(([until, names]) => (names === '' ? [] : [`exposed ${until}: ${names}`])),
    ...(refusing === ''
      ? []
      : [`may refuse good tokens of the next version for a while: ${refusing}`]),
  ]
}

function renderBackend(backend: ObjectReader): string {
  const outcome = `backend: ${backend.text('action')} ${backend.text('outcome')}`
  const error = backend.optionalObject('error')
  if (error !== undefined) return `${outcome}: ${error.text('detail')}`
  const isByHand = backend.text('action') === 'disable' && backend.text('outcome') === 'unsupported'
  if (isByHand) return `${outcome}: take the private key away there yourself`
  const effectiveAt = backend.optionalText('effectiveAt')
  return effectiveAt === undefined ? outcome : `${outcome}, gone on ${effectiveAt}`
}
