/** The section `access`: who calls the service, and what they may do. */
import * as Type from 'typebox'
import { ALGORITHM_NAMES, type AlgorithmName } from '../../crypto/algorithms.ts'
import type { JsonObject } from '../../formats/json.ts'
import { APPROVABLE_ACTIONS, type ApprovableAction } from '../../keys/protected-actions.ts'
import { DEFAULTS } from '../defaults.ts'
import { duration, STRICT, text } from '../schema-parts.ts'

/** Whose identity tokens are accepted, and how strictly. */
export interface IssuerEntry {
  readonly issuer: string
  readonly audience?: string
  readonly algorithms?: readonly AlgorithmName[]
  readonly jwksUri?: string
  readonly preventReplay?: boolean
  readonly enterpriseSlug?: string
  readonly allowPrivateAddresses?: boolean
  readonly useProxy?: boolean
  readonly maxTokenAge?: string
  readonly clockSkew?: string
  readonly ca?: string
  readonly jwks?: string
  readonly tokenFile?: string
}

/** A token for development. */
export interface StaticTokenEntry {
  readonly name: string
  readonly token: string
  readonly claims?: JsonObject
}

/** The section as the file says it. */
export interface AccessEntry {
  readonly issuers?: readonly IssuerEntry[]
  readonly policies?: string
  readonly staticTokens?: readonly StaticTokenEntry[]
  readonly approvals?: {
    readonly required?: number
    readonly actions?: readonly ApprovableAction[]
    readonly lifetime?: string
    readonly examinedEntries?: readonly number[]
  }
}

const issuer = Type.Object(
  {
    issuer: text('url', { description: 'Address of an OIDC issuer.' }),
    audience: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Audience its tokens must name; left out, the `issuer` of the service.',
      }),
    ),
    algorithms: Type.Optional(
      Type.Array(Type.Enum([...ALGORITHM_NAMES], { description: 'An algorithm.' }), {
        minItems: 1,
        description:
          'Algorithms its tokens may be signed with; left out, RS256, PS256, ES256, ES384, ES512, EdDSA and Ed25519. An RSA key without `alg` counts for the RSA algorithms named here; left out, for RS256 alone.',
        examples: [['RS256']],
      }),
    ),
    jwksUri: Type.Optional(
      text('url', {
        description: 'Where its keys are; left out, what its discovery document says.',
        examples: ['https://idp.example.com/keys'],
      }),
    ),
    preventReplay: Type.Optional(
      Type.Boolean({
        description: 'Whether a token is accepted once only, by its `jti`.',
        default: false,
      }),
    ),
    enterpriseSlug: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
        description:
          'GitHub Enterprise: only tokens whose `iss` is the issuer, `/` and this name are accepted.',
        examples: ['acme-corp'],
      }),
    ),
    allowPrivateAddresses: Type.Optional(
      Type.Boolean({
        description: 'Whether its keys may be fetched from private and loopback addresses.',
        default: false,
      }),
    ),
    useProxy: Type.Optional(
      Type.Boolean({
        description:
          'Whether its keys are fetched through the proxy of the environment (`HTTPS_PROXY`), which then decides what its name stands for.',
        default: true,
      }),
    ),
    maxTokenAge: Type.Optional(
      duration('1s', '30d', {
        description: 'How long ago a token may have been issued, whatever its `exp` says.',
        examples: ['10m'],
      }),
    ),
    clockSkew: Type.Optional(
      duration('1s', '5m', {
        description: 'How far its clock and ours may be apart; left out, 1m.',
        examples: ['30s'],
      }),
    ),
    ca: Type.Optional(
      text('path', {
        description:
          'Certificates (PEM) of the authorities to trust for its keys, in place of the usual ones. Read for every fetch.',
        examples: ['/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'],
      }),
    ),
    jwks: Type.Optional(
      text('path', {
        description:
          'File with its keys (a JWKS): nothing is fetched. A modified file is picked up within 5 seconds.',
        examples: ['cluster-jwks.json'],
      }),
    ),
    tokenFile: Type.Optional(
      text('path', {
        description:
          'File with a bearer token that its metadata and keys need. Read for every fetch; sent to the origin of `jwksUri`, or of the issuer, and to no other.',
        examples: ['/var/run/secrets/kubernetes.io/serviceaccount/token'],
      }),
    ),
  },
  STRICT,
)

const staticToken = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'Who calls with it: the subject.' }),
    token: text('secret', {
      description: 'Where the token is; never the token.',
      examples: ['env:COUNTERSIGN_DEV_TOKEN'],
    }),
    claims: Type.Optional(
      Type.Unsafe<JsonObject>({
        type: 'object',
        description: 'Claims that policies see of this caller.',
      }),
    ),
  },
  STRICT,
)

const approvals = Type.Object(
  {
    required: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10,
        description: 'How many different callers must agree, the requester included.',
        default: 1,
      }),
    ),
    actions: Type.Optional(
      Type.Array(Type.Enum([...APPROVABLE_ACTIONS], { description: 'An action.' }), {
        description:
          'What needs them, by whatever command it comes about: an activation is both `activateKey` and `rotateKey`, also where a revocation brings it; `forceActivateKey` is one that overrides a rule of rotation.',
        examples: [['revokeKey', 'destroyKey']],
      }),
    ),
    lifetime: Type.Optional(
      duration('1m', '30d', {
        description:
          'How long a request waits for them, and for being sent again once it has them.',
        default: DEFAULTS.approvalLifetime,
      }),
    ),
    examinedEntries: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0, description: 'Index of an entry of the log.' }), {
        description:
          'Changes without their approvals that you have dealt with: `/readyz` no longer fails for these entries of the log.',
        examples: [[1234]],
      }),
    ),
  },
  { ...STRICT, description: 'Actions on keys that need several callers.' },
)

const access = Type.Object(
  {
    issuers: Type.Optional(
      Type.Array(issuer, { description: 'Whose identity tokens the service accepts.' }),
    ),
    policies: Type.Optional(
      text('path', { description: 'Folder of the Cedar policies.', examples: ['policies/'] }),
    ),
    staticTokens: Type.Optional(
      Type.Array(staticToken, {
        description:
          'Tokens for development: they never expire, and a leaked one lets an attacker act as that caller. The service warns of them at every start.',
      }),
    ),
    approvals: Type.Optional(approvals),
  },
  { ...STRICT, description: 'Who may do what with the keys of the service.' },
)

/** Schema of the section. */
export const accessSchema: Type.TUnsafe<AccessEntry> =
  Type.Unsafe<Type.Static<typeof access>>(access)
