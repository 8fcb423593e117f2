/** Cedar, loaded with its first use: 4 MB of WebAssembly that only the service and `policy` need. */
import type * as Module from '@cedar-policy/cedar-wasm/nodejs'

/** The module as a whole. */
export type Cedar = typeof Module

export type {
  CedarValueJson,
  Clause,
  DetailedError,
  EntityJson,
  Expr,
  PolicyJson,
} from '@cedar-policy/cedar-wasm/nodejs'

/** Loads the engine; from the second time on at no cost. */
export function loadCedar(): Promise<Cedar> {
  return import('@cedar-policy/cedar-wasm/nodejs')
}
