import { digestOf } from '../../../src/crypto/digest.ts'
import { OCIREGISTRY, ZOT } from '../../../tools/interop/peers.ts'
import { startDockerRegistry } from '../../support/docker-registry.ts'
import { createImage, createIndex, type Image } from '../../support/oci-content.ts'
import type { Need } from './needs.ts'
import type { RunningServer } from './program.ts'
import { startOciRegistry, startZot } from './servers.ts'

/** A real registry, and whether it lists referrers by itself. */
export interface RegistryPeer {
  readonly name: string
  readonly needs: readonly Need[]
  readonly start: () => Promise<RunningServer>
}

const DOCKER_REGISTRY = { name: 'docker-registry', command: 'docker-registry' }

/** Without the referrers API, and two with it. */
export const REGISTRIES: readonly RegistryPeer[] = [
  { name: 'docker-registry', needs: [DOCKER_REGISTRY], start: () => startDockerRegistry() },
  { name: 'ociregistry', needs: [OCIREGISTRY], start: startOciRegistry },
  { name: 'zot', needs: [ZOT], start: startZot },
]

let images = 0

/** Pushes an image of its own and answers its name, by digest, without a scheme. */
export function pushImage(host: string): Promise<string> {
  return push(host, createOwnImage())
}

/** Pushes a multi-arch image of its own, for two platforms, and answers the name of its index. */
export async function pushMultiArch(host: string): Promise<string> {
  const parts = [createOwnImage(), createOwnImage()]
  for (const part of parts) await push(host, part)
  return push(host, createIndex(...parts))
}

function createOwnImage(): Image {
  images += 1
  return createImage(`interop ${images}`)
}

async function push(host: string, { descriptor, bytes, blobs }: Image): Promise<string> {
  const repository = `http://${host}/v2/interop/app`
  for (const blob of blobs) await pushBlob(repository, blob)
  await send(`${repository}/manifests/${descriptor.digest}`, 'PUT', descriptor.mediaType, bytes)
  return `${host}/interop/app@${descriptor.digest}`
}

async function pushBlob(repository: string, blob: Uint8Array): Promise<void> {
  const started = await send(`${repository}/blobs/uploads/`, 'POST')
  const place = new URL(started.headers.get('location') ?? '', repository)
  place.searchParams.set('digest', digestOf(blob))
  await send(place.href, 'PUT', 'application/octet-stream', blob)
}

async function send(
  url: string,
  method: string,
  type = 'application/octet-stream',
  body?: Uint8Array,
): Promise<Response> {
  const content = body === undefined ? {} : { body: Buffer.from(body) }
  const response = await fetch(url, { method, headers: { 'content-type': type }, ...content })
  if (response.ok) return response
  throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`)
}
