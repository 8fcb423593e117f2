/**
 * The versions of Node that countersign runs on. A Node that is too old reads this module too, so its
 * syntax is old as well.
 *
 * @packageDocumentation
 */

/** Versions of Node that the package asks for; the same as `engines` in package.json. */
export const NODE_RANGE = '^24.15.0 || >=26'

/** Checks a version, as `process.version` has it, against {@link NODE_RANGE}. */
export function isSupportedNode(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  return major >= 26 || (major === 24 && minor >= 15)
}
