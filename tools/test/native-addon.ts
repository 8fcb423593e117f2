import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { COMPILER, ensurePackages } from './packages.ts'

const HERE = join(import.meta.dirname, 'native-addon.ts')

/**
 * Makes sure that pkcs11js loads, rebuilding it if its install failed; returns advice if it still
 * does not. npm removes an optional dependency that failed to build, so it may be gone altogether.
 */
export function ensurePkcs11(env: NodeJS.ProcessEnv): string | undefined {
  if (loadsPkcs11(HERE)) return undefined
  const advice = ensurePackages(COMPILER, env['PATH'] ?? '')
  if (advice !== undefined) return advice

  console.log('building the native addon pkcs11js')
  const args = existsSync('node_modules/pkcs11js')
    ? ['rebuild', 'pkcs11js']
    : ['install', '--no-save', '--no-package-lock', 'pkcs11js']
  spawnSync('npm', args, { stdio: ['ignore', 'inherit', 'inherit'], env: withHeaders(env) })
  return loadsPkcs11(HERE) ? undefined : 'pkcs11js does not load; see the output of its build above'
}

/** Points node-gyp at the headers of the system's Node, where they are, so that it downloads none. */
export function withHeaders(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const known = env['npm_config_nodedir'] !== undefined || !existsSync('/usr/include/node')
  return known ? env : { ...env, npm_config_nodedir: '/usr' }
}

/**
 * Checks whether a module finds pkcs11js installed and built, in a process of its own: a failed load is
 * remembered by the process that tried.
 *
 * @param module - absolute path of the file that would import it
 */
export function loadsPkcs11(module: string): boolean {
  const program = 'require("node:module").createRequire(process.argv[1])("pkcs11js")'
  return spawnSync(process.execPath, ['-e', program, module], { stdio: 'ignore' }).status === 0
}
