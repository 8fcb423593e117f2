/**
 * The commands by name. Each lives in a file of its own under commands/ and is loaded only when it is
 * the one that runs, so that `verify` never evaluates an SDK.
 *
 * @packageDocumentation
 */
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import type { CommandEnvironment } from './command.ts'

/** A module under commands/. */
export interface CommandModule {
  createCommand(environment: CommandEnvironment): CommandUnknownOpts
}

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<CommandModule>
  /** Left out of help: programs call it. */
  readonly isHidden?: true
}

/** Every command, in the order help lists them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  sign: { summary: 'sign images or files', load: () => import('./commands/sign.ts') },
  attest: {
    summary: 'sign an in-toto attestation about artifacts',
    load: () => import('./commands/attest.ts'),
  },
  verify: {
    summary: 'check signatures and attestations against what you trust',
    load: () => import('./commands/verify.ts'),
  },
  discover: {
    summary: 'list everything attached to an artifact, as a tree',
    load: () => import('./commands/discover.ts'),
  },
  download: {
    summary: 'save the bundles of an artifact',
    load: () => import('./commands/download.ts'),
  },
  token: {
    summary: 'issue, verify and inspect tokens (JWT)',
    load: () => import('./commands/token.ts'),
  },
  key: { summary: 'create, show and export keys', load: () => import('./commands/key.ts') },
  trust: {
    summary: 'pin a service, and see what it publishes',
    load: () => import('./commands/trust.ts'),
  },
  log: {
    summary: 'read and verify the transparency log of a service',
    load: () => import('./commands/log.ts'),
  },
  audit: {
    summary: 'read and verify the audit log of a service',
    load: () => import('./commands/audit.ts'),
  },
  config: {
    summary: 'check and show the configuration',
    load: () => import('./commands/config.ts'),
  },
  policy: {
    summary: 'check and try the policies of the service',
    load: () => import('./commands/policy.ts'),
  },
  doctor: {
    summary: 'find out what is wrong with a key, a registry or the clock',
    load: () => import('./commands/doctor.ts'),
  },
  serve: {
    summary: 'run the signing and verification service',
    load: () => import('./commands/serve.ts'),
  },
  conformance: {
    summary: 'speak the sigstore-conformance protocol',
    load: () => import('./commands/conformance.ts'),
  },
  completion: {
    summary: 'print a completion script for your shell',
    load: () => import('./commands/completion.ts'),
  },
  complete: {
    summary: 'answer a completion script',
    load: () => import('./commands/complete.ts'),
    isHidden: true,
  },
}
