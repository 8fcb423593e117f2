import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { cruise } from 'dependency-cruiser'
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'
import { expect, test } from 'vitest'
import { createTempFolder } from '../support/temp-folder.ts'

const PROJECT = resolve(import.meta.dirname, '../..')

/** For each rule, modules that break it: path → text. */
const BREACHES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'imports-form-no-circle': {
    'src/crypto/a.ts': `import './b.ts'`,
    'src/crypto/b.ts': `import './a.ts'`,
  },
  'every-module-is-reached-from-an-entry-point': {
    'src/index.ts': `import './crypto/known.ts'`,
    'src/crypto/known.ts': `export {}`,
    'src/crypto/forgotten.ts': `export {}`,
  },
  'basics-import-nothing-above-them': {
    'src/basics/a.ts': `import '../crypto/b.ts'`,
    'src/crypto/b.ts': `export {}`,
  },
  'crypto-import-nothing-above-them': {
    'src/crypto/a.ts': `import '../formats/b.ts'`,
    'src/formats/b.ts': `export {}`,
  },
  'formats-and-keys-import-nothing-above-them': {
    'src/keys/a.ts': `import '../signing/b.ts'`,
    'src/signing/b.ts': `export {}`,
  },
  'signing-and-verification-import-nothing-above-them': {
    'src/signing/a.ts': `import '../providers/b.ts'`,
    'src/providers/b.ts': `export {}`,
  },
  'providers-and-their-neighbours-import-nothing-above-them': {
    'src/oci/a.ts': `import '../service/b.ts'`,
    'src/service/b.ts': `export {}`,
  },
  'artifacts-import-nothing-above-them': {
    'src/artifacts/a.ts': `import '../service/b.ts'`,
    'src/service/b.ts': `export {}`,
  },
  'the-service-signs-by-itself': {
    'src/service/a.ts': `import '../artifacts/b.ts'`,
    'src/artifacts/b.ts': `export {}`,
  },
  'errors-import-nothing': {
    'src/errors.ts': `import 'node:util'`,
  },
  'modules-at-the-root-of-src-import-only-errors': {
    'src/files.ts': `import './crypto/b.ts'`,
    'src/crypto/b.ts': `export {}`,
  },
  'src-knows-no-entry-point': {
    'src/oci/a.ts': `import '../../cli/b.ts'`,
    'cli/b.ts': `export {}`,
  },
  'public-doors-are-for-callers': {
    'cli/a.ts': `import '../src/index.ts'`,
    'src/index.ts': `export {}`,
  },
  'testing-is-for-tests': {
    'action/a.ts': `import '../src/testing/b.ts'`,
    'src/testing/b.ts': `export {}`,
  },
  'testing-stands-alone': {
    'src/testing/a.ts': `import '../errors.ts'`,
    'src/errors.ts': `export {}`,
  },
  'config-is-handed-down-not-imported': {
    'src/oci/a.ts': `import '../config/b.ts'`,
    'src/config/b.ts': `export {}`,
  },
  'signing-and-verification-stay-apart': {
    'src/signing/a.ts': `import type {} from '../verification/b.ts'`,
    'src/verification/b.ts': `export {}`,
  },
  'core-opens-no-file-socket-or-process': {
    'src/formats/a.ts': `import 'node:fs/promises'`,
  },
  'providers-are-loaded-lazily': {
    'src/providers/registry.ts': `import './awskms/b.ts'`,
    'src/providers/awskms/b.ts': `export {}`,
  },
  'production-never-imports-tests-or-tools': {
    'src/oci/a.ts': `import '../../test/support/b.ts'`,
    'test/support/b.ts': `export {}`,
  },
  'action-cannot-reach-pkcs11': {
    'action/a.ts': `import '../src/providers/b.ts'`,
    'src/providers/b.ts': `export const open = () => import('./pkcs11/c.ts')`,
    'src/providers/pkcs11/c.ts': `export {}`,
  },
  'pkcs11js-stays-in-its-provider': { 'src/oci/a.ts': `import 'pkcs11js'` },
  'aws-sdk-stays-in-its-provider': { 'src/oci/a.ts': `import '@aws-sdk/client-kms'` },
  'database-stays-in-store': { 'src/oci/a.ts': `import 'kysely'` },
  'node-sqlite-stays-in-store': { 'src/oci/a.ts': `import 'node:sqlite'` },
  'fastify-stays-in-service-and-console': { 'src/oci/a.ts': `import 'fastify'` },
  'cedar-stays-in-access': { 'src/oci/a.ts': `import '@cedar-policy/cedar-wasm'` },
  'yaml-stays-in-config': { 'src/oci/a.ts': `import 'yaml'` },
  'commander-stays-in-cli': { 'src/oci/a.ts': `import 'commander'` },
  'jose-stays-in-its-resolver': { 'src/client/a.ts': `import 'jose'` },
  'verify-reaches-only-what-it-needs': {
    'src/verify.ts': `import './artifacts/a.ts'`,
    'src/artifacts/a.ts': `export const late = () => import('../signing/b.ts')`,
    'src/signing/b.ts': `export {}`,
  },
  'verify-installs-little': {
    'src/verify.ts': `import './oci/a.ts'`,
    'src/oci/a.ts': `import 'yaml'`,
  },
  'jose-reaches-only-what-it-needs': {
    'src/jose.ts': `import './client/a.ts'`,
    'src/client/a.ts': `import '../keys/b.ts'`,
    'src/keys/b.ts': `export {}`,
  },
  'jose-installs-little': {
    'src/jose.ts': `import './client/a.ts'`,
    'src/client/a.ts': `import 'yaml'`,
  },
}

/** Modules that keep the rules where a careless rule would fire. */
const KEPT: Readonly<Record<string, string>> = {
  'src/index.ts': `export * from './providers/registry.ts'\nexport * from './verify.ts'`,
  'src/verify.ts': `import './verification/steps.ts'`,
  'src/jose.ts': `import './client/issuer-key-set.ts'`,
  'src/client/issuer-key-set.ts': `import 'jose'`,
  'src/testing.ts': `import './testing/runner.ts'`,
  'src/testing/runner.ts': `import './commands.ts'\nimport 'node:child_process'`,
  'src/testing/commands.ts': `export {}`,
  'src/errors.ts': `export {}`,
  'src/files.ts': `import './errors.ts'\nimport 'node:fs'`,
  'src/verification/steps.ts': `import '../crypto/algorithms.ts'\nimport 'node:crypto'`,
  'src/crypto/algorithms.ts': `import '../errors.ts'`,
  'src/providers/registry.ts': `
    import './awskms/uri.ts'
    import type {} from './awskms/provider.ts'
    import '../files.ts'
    export const open = () => import('./awskms/provider.ts')`,
  'src/providers/awskms/uri.ts': `export {}`,
  'src/providers/awskms/provider.ts': `import '@aws-sdk/client-kms'`,
  'cli/main.ts': `import '../src/config/load.ts'\nimport 'commander'`,
  'src/config/load.ts': `import 'yaml'`,
}

const PACKAGES = [
  'pkcs11js',
  '@aws-sdk/client-kms',
  'kysely',
  'fastify',
  '@cedar-policy/cedar-wasm',
  'yaml',
  'commander',
  'jose',
]

const options = await extractDepcruiseOptions(join(PROJECT, '.dependency-cruiser.cjs'))

/** Cruises a tree of modules with the project's rules and returns the names of those it breaks. */
async function brokenRules(tree: Readonly<Record<string, string>>): Promise<string[]> {
  const root = createTempFolder()
  const packages = PACKAGES.map((name): [string, string] => [`node_modules/${name}/index.js`, ''])
  for (const [path, text] of [...Object.entries(tree), ...packages]) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const folders = new Set(Object.keys(tree).map((path) => path.replace(/\/.*/, '')))
  const { output } = await cruise([...folders], { ...options, baseDir: root })
  if (typeof output === 'string') throw new Error(output)
  return output.summary.violations.map(({ rule }) => rule.name)
}

test.for(Object.entries(BREACHES))('the rule %s fires', async ([name, tree]) => {
  expect(await brokenRules(tree)).toContain(name)
})

test('core modules may not reach files through src/files.ts either', async () => {
  const broken = await brokenRules({
    'src/formats/a.ts': `import '../files.ts'`,
    'src/files.ts': `export {}`,
  })

  expect(broken).toContain('core-opens-no-file-socket-or-process')
})

test('a tree that keeps the rules breaks none', async () => {
  expect(await brokenRules(KEPT)).toEqual([])
})

test('every rule has its breach here', () => {
  const names = options.ruleSet?.forbidden?.map(({ name }) => name)

  expect(names?.toSorted()).toEqual(Object.keys(BREACHES).toSorted())
})
