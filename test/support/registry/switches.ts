/** How a registry double behaves. */
import type { AuthKind } from './accounts.ts'
import type { Fault } from './faults.ts'

/** Every member may be changed while the double runs. */
export interface Switches {
  /** `html`: a page for people; `empty`: a list that never holds anything; `blind`: never the newest. */
  referrersApi: 'on' | 'off' | 'html' | 'empty' | 'blind'
  /** `always`: also without the API, as some registries do. */
  ociSubject: 'honest' | 'always' | 'never'
  /** Entries on one page of referrers. */
  pageSize: number
  /** Whether `artifactType` filters, and whether the answer says that it did. */
  filters: 'applied' | 'ignored' | 'claimed'
  /** Readings of a tag or list that give its state before a write. */
  staleReads: number
  auth: AuthKind
  isPullPublic: boolean
  isPushAllowed: boolean
  /** Where uploads are sent: by a relative or absolute address, or to another host. */
  uploads: 'relative' | 'absolute' | 'elsewhere'
  areTagsImmutable: boolean
  honoursConditions: boolean
  /** Whether HEAD returns digest and length. */
  isHeadTelling: boolean
  /** Changes content on its way out. */
  tamper: ((path: string, bytes: Buffer) => Buffer) | undefined
  readonly faults: Fault[]
}

/** A registry without login that does all it should. */
export function honestSwitches(): Switches {
  return {
    referrersApi: 'on',
    ociSubject: 'honest',
    pageSize: 1000,
    filters: 'applied',
    staleReads: 0,
    auth: 'none',
    isPullPublic: false,
    isPushAllowed: true,
    uploads: 'relative',
    areTagsImmutable: false,
    honoursConditions: false,
    isHeadTelling: true,
    tamper: undefined,
    faults: [],
  }
}
