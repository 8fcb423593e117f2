import type { Digest } from '../../src/crypto/digest.ts'
import { pushImage } from '../oci/open-registry.ts'
import { createImage, type Image } from './oci-content.ts'
import { createRegistryDouble, type RegistryDouble } from './registry/registry-double.ts'
import type { Switches } from './registry/switches.ts'
import { createSigningFolder, type SigningFolder } from './signing-folder.ts'

/** The image of a scene. */
export const image: Image = createImage()

/** Its digest. */
export const DIGEST: Digest = image.descriptor.digest

/** A predicate of type cyclonedx. */
export const SBOM = '{"bomFormat":"CycloneDX","specVersion":"1.6"}'

/** A registry with an image at app:v1, and a folder with the key `release` and `sbom.json`. */
export interface ImageScene {
  readonly folder: SigningFolder
  readonly double: RegistryDouble
  /** `oci://HOST/app`. */
  readonly app: string
}

/** Sets the scene; the switches change the registry once the image is in it. */
export async function createImageScene(switches: Partial<Switches> = {}): Promise<ImageScene> {
  const double = await createRegistryDouble()
  await pushImage(double.host, image, { tag: 'v1' })
  Object.assign(double.switches, switches)
  double.requests.length = 0
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('sbom.json', SBOM)
  return { folder, double, app: `oci://${double.host}/app` }
}
