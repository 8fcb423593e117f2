/**
 * What a start would refuse of a configuration, found without the network, the store and its lock: by the very
 * functions of the start.
 *
 * @packageDocumentation
 */
import { createAuthorizer } from '../../src/access/authorize.ts'
import { readPolicyFolder } from '../../src/access/policy-folder.ts'
import type { Config } from '../../src/config/config.ts'
import { withEmbeddedKeys } from '../../src/config/embedded-keys.ts'
import { CountersignError } from '../../src/errors.ts'
import { assertTilesApart } from '../../src/service/logs/log-tiles.ts'
import { remoteStampers } from '../../src/service/composition/remote-stampers.ts'
import { issuerOf } from '../../src/service/server.ts'
import { readTlsFiles } from '../../src/service/http/tls-files.ts'
import { warningsOf } from '../../src/service/composition/warnings.ts'

/** What is known of a configuration before a service is started with it. */
export interface ServiceCheck {
  /** What \`serve\` would refuse, in the order in which it would. */
  readonly refusals: readonly CountersignError[]
  readonly warnings: readonly string[]
}

/** What cannot be checked without a start. */
export const UNCHECKED =
  'secrets, the store and its log, keys in their backends, issuers, and whether the address is free'

/** Checks a configuration as far as files and settings go. */
export async function checkService(config: Config): Promise<ServiceCheck> {
  const { policies } = config.access
  const { tls } = config.serve
  const steps: readonly (() => unknown)[] = [
    () => issuerOf(config),
    () => withEmbeddedKeys(config),
    () => (tls === undefined ? undefined : readTlsFiles(tls)),
    async () =>
      policies === undefined ? undefined : createAuthorizer(await readPolicyFolder(policies)),
    () => remoteStampers({ config, fetch }),
    () => assertTilesApart(config.log.tiles),
  ]
  const refusals: CountersignError[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      if (!CountersignError.is(error)) throw error
      refusals.push(error)
    }
  }
  const keys = refusals.length > 0 ? config.keys : withEmbeddedKeys(config)
  const { access, serve, store, trust } = config
  const isService = access.issuers.length + access.staticTokens.length > 0
  return {
    refusals,
    warnings: isService ? warningsOf({ ...serve, ...access, ...trust, store, keys }) : [],
  }
}
