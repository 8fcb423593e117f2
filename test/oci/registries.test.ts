import { startDockerRegistry } from '../support/docker-registry.ts'
import { RegistryDouble } from '../support/registry/registry-double.ts'
import { honestSwitches, type Switches } from '../support/registry/switches.ts'
import { login } from './open-registry.ts'
import { describeRegistry, type RunningRegistry } from './registry-contract.ts'

async function startDouble(switches: Partial<Switches>): Promise<RunningRegistry> {
  const double = new RegistryDouble({ ...honestSwitches(), ...switches })
  await double.start()
  return { host: double.host, credentials: login, stop: () => double.stop() }
}

describeRegistry({
  name: 'docker-registry',
  hasReferrersApi: false,
  start: startDockerRegistry,
})

describeRegistry({
  name: 'a registry with the referrers API',
  hasReferrersApi: true,
  start: () => startDouble({ auth: 'bearer' }),
})

describeRegistry({
  name: 'a registry that pages its referrers',
  hasReferrersApi: true,
  start: () => startDouble({ pageSize: 3, filters: 'ignored', uploads: 'absolute' }),
})

describeRegistry({
  name: 'a registry without the referrers API',
  hasReferrersApi: false,
  start: () => startDouble({ referrersApi: 'off', honoursConditions: true, uploads: 'elsewhere' }),
})

describeRegistry({
  name: 'a registry whose referrers API is empty',
  hasReferrersApi: false,
  start: () => startDouble({ referrersApi: 'empty', ociSubject: 'always', auth: 'basic' }),
})
