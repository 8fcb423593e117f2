/**
 * Keys for jose's `jwtVerify`, from the JWKS of a countersign service or of another issuer.
 *
 * @packageDocumentation
 */
export {
  CountersignError,
  type CountersignErrorOptions,
  type ErrorCode,
  type ErrorDetails,
  type ErrorReason,
  type ExitCode,
} from './errors.ts'
export type { ProxyVariables } from './client/proxies.ts'
export type { AlgorithmName } from './crypto/algorithms.ts'
export {
  createIssuerKeySet,
  type IssuerKeySet,
  type IssuerKeySetOptions,
} from './client/issuer-key-set.ts'
