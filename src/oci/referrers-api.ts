/**
 * The referrers API (distribution-spec v1.1, "Listing Referrers"). What a registry claims about
 * itself is not believed: filters are applied again, and pages are counted.
 *
 * @packageDocumentation
 */
import type { Digest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import type { Descriptor } from '../formats/oci-descriptor.ts'
import { isIndexType, OCI_INDEX, parseImageIndex } from '../formats/oci-manifest.ts'
import { MAX_ATTACHED } from '../formats/oci-referrer.ts'
import type { ReferrersOptions } from './artifact-store.ts'
import { reportSkipped } from './fallback-tag.ts'
import type { HttpResponse } from './http.ts'
import { hasRelation, parseLinks } from './link-header.ts'
import { registryError } from './registry-error.ts'
import { contentType, type Repository } from './repository.ts'

const MAX_PAGES = 100
/** How registries without the API answer; all other refusals are failures. */
const ABSENT: ReadonlySet<number> = new Set([400, 404, 405, 406])

/**
 * Lists a subject's referrers; undefined where the registry has no such API.
 *
 * @throws {@link CountersignError} ERR_REGISTRY_PROTOCOL — a list without end, which cut short could hide
 * the one that matters; ERR_MANIFEST_INVALID; and the registry's refusals
 */
export async function listReferrers(
  repository: Repository,
  subject: Digest,
  { artifactType, report, signal }: ReferrersOptions = {},
): Promise<readonly Descriptor[] | undefined> {
  const filter = artifactType === undefined ? '' : `?${filterQuery(artifactType)}`
  const found: Descriptor[] = []
  let place: string | URL | undefined = `referrers/${subject}${filter}`
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer: HttpResponse = await repository.send(place, {
      method: 'GET',
      headers: { accept: OCI_INDEX },
      signal,
    })
    const isFirst = page === 0
    if (isFirst && isAbsent(answer)) {
      report?.(`${repository.location} has no referrers API`)
      return undefined
    }
    if (answer.status !== 200) throw registryError(answer, `list the referrers of ${subject}`)
    const { manifests, skipped } = parseImageIndex(answer.body)
    reportSkipped(skipped, `the referrers that ${repository.location} lists`, report)
    found.push(...manifests)
    place = nextPage(answer, repository.origin)
    if (place === undefined) {
      report?.(`the referrers API of ${repository.location} lists ${found.length}`)
      return found.filter((one) => isWanted(one, artifactType))
    }
    if (found.length > MAX_ATTACHED) break
  }
  throw new CountersignError(
    'ERR_REGISTRY_PROTOCOL',
    `${repository.location} lists referrers on more than ${MAX_PAGES} pages, or over ${MAX_ATTACHED}`,
  )
}

/** An entry is wanted unless it says it is of another type. */
export function isWanted(entry: Descriptor, artifactType: string | undefined): boolean {
  const isOpen = artifactType === undefined || entry.artifactType === undefined
  return isOpen || entry.artifactType === artifactType
}

function filterQuery(artifactType: string): string {
  return `artifactType=${encodeURIComponent(artifactType)}`
}

/** A page for people instead of an index is what proxies give for paths they do not know. */
function isAbsent(answer: HttpResponse): boolean {
  if (ABSENT.has(answer.status)) return true
  return answer.status === 200 && !isIndexType(contentType(answer)) && !isList(answer.body)
}

/** Whether a body is a list all the same, whatever its Content-Type. */
function isList(body: Uint8Array): boolean {
  try {
    parseImageIndex(body)
    return true
  } catch {
    return false
  }
}

/**
 * The next page by `Link`; only its path and query count, it stays on this registry.
 *
 * @throws {@link CountersignError} ERR_REGISTRY_PROTOCOL — a link that cannot be followed: the list goes on
 */
function nextPage({ headers, url }: HttpResponse, origin: URL): URL | undefined {
  const links = parseLinks(headers.get('link') ?? '')
  if (links === undefined) throw unfollowable(url)
  const link = links.find((one) => hasRelation(one, 'next'))
  if (link === undefined) return undefined
  const next = URL.parse(link.target, url.href)
  if (next === null) throw unfollowable(url)
  const page = new URL(origin)
  page.pathname = next.pathname
  page.search = next.search
  // A page that names itself as the next would be read for ever.
  if (page.pathname === url.pathname && page.search === url.search) throw unfollowable(url)
  return page
}

function unfollowable({ host }: URL): CountersignError {
  return new CountersignError(
    'ERR_REGISTRY_PROTOCOL',
    `${host} lists referrers on several pages, and the link to the next cannot be followed`,
    { details: { host } },
  )
}
