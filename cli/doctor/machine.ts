/** What doctor finds about the machine and the configuration. */
import { inspectConfig } from '../../src/config/load.ts'
import { invalidConfig } from '../../src/config/problem.ts'
import { CountersignError } from '../../src/errors.ts'
import type { CommandEnvironment } from '../command.ts'
import type { ConfigFlags } from '../configuration.ts'
import { isSupportedNode, NODE_RANGE } from '../node-range.ts'
import { type Finding, look } from './finding.ts'

/** Looks whether a version of Node is one that countersign is tested with. */
export function checkNode(version: string): Promise<Finding> {
  return look('machine', 'node', () => {
    if (isSupportedNode(version)) return Promise.resolve(version)
    throw new CountersignError('ERR_USAGE', `Node ${version} is not ${NODE_RANGE}`, {
      hint: 'install a current Node LTS: https://nodejs.org',
    })
  })
}

/** Looks whether the configuration can be used. */
export function checkConfiguration(
  { context }: CommandEnvironment,
  { config }: ConfigFlags,
): Promise<Finding> {
  return look('configuration', 'file', async () => {
    const { file, problems } = await inspectConfig({ file: config, env: context.env })
    const [first, ...rest] = problems
    if (first !== undefined) throw invalidConfig([first, ...rest])
    return file ?? 'none; using defaults'
  })
}
