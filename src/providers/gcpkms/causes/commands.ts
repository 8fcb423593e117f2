/** Commands of gcloud that cure a cause, made of the request alone. */

/** One call, as far as an error about it needs to know. */
export interface GcpCall {
  /** Name of the method in the API: `asymmetricSign`. */
  readonly operation: string
  /** Name of the resource. */
  readonly name: string
}

/** Roles that have the permission of a method and little else. */
const ROLES: Readonly<Record<string, string>> = {
  asymmetricSign: 'roles/cloudkms.signer',
  getPublicKey: 'roles/cloudkms.publicKeyViewer',
  'cryptoKeyVersions.get': 'roles/cloudkms.viewer',
  'cryptoKeyVersions.list': 'roles/cloudkms.viewer',
  'cryptoKeys.get': 'roles/cloudkms.viewer',
}

/** Grants what a call takes, on its key, or on the ring where keys are made. */
export function bindingFor({ operation, name }: GcpCall): string {
  const role = ROLES[operation] ?? 'roles/cloudkms.admin'
  const command =
    operation === 'cryptoKeys.create'
      ? gcloudKms(`keyrings add-iam-policy-binding ${partOf(name, 'keyRings')}`, name)
      : gcloudKms(`keys add-iam-policy-binding ${partOf(name, 'cryptoKeys')}`, name, {
          keyring: 'keyRings',
        })
  return `grant ${role} to the caller: ${command}`
}

/** A command about a version. */
export function versionCommand(verb: string, name: string): string {
  const options = { key: 'cryptoKeys', keyring: 'keyRings' }
  return gcloudKms(`keys versions ${verb} ${partOf(name, 'cryptoKeyVersions')}`, name, options)
}

/** Writes a command; `options` names the collection of the resource that each takes its value from. */
export function gcloudKms(
  command: string,
  name: string,
  options: Readonly<Record<string, string>> = {},
): string {
  const all = { ...options, location: 'locations', project: 'projects' }
  const words = Object.entries(all).map(([option, of]) => `--${option} ${partOf(name, of)}`)
  return `gcloud kms ${command} ${words.join(' ')}`
}

/** The segment behind a collection; the name of the collection where it is absent. */
export function partOf(name: string, collection: string): string {
  const [, part = collection] = new RegExp(`(?:^|/)${collection}/([^/:]+)`).exec(name) ?? []
  return part
}
