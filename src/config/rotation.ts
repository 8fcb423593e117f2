/** The configured quantities of rotation, in seconds. */
import type { RotationOverrides } from '../keys/policy.ts'
import { parseDurationSeconds } from './duration.ts'
import type { KeyEntry } from './sections/key.ts'

/** Reads them from an entry whose durations have been checked; what is left out stays out. */
export function toRotationOverrides({
  rotation = {},
  maxTokenLifetime,
}: KeyEntry): RotationOverrides {
  const said = {
    everySeconds: rotation.every,
    maxAgeSeconds: rotation.maxAge,
    verifierCacheSeconds: rotation.verifierCache,
    replicaLagSeconds: rotation.replicaLag,
    signerLagSeconds: rotation.signerLag,
    clockSkewSeconds: rotation.clockSkew,
    verifierLeewaySeconds: rotation.verifierLeeway,
    auditWindowSeconds: rotation.auditWindow,
    maxTokenLifetimeSeconds: maxTokenLifetime,
  }
  return Object.fromEntries(
    Object.entries(said).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, parseDurationSeconds(text)]],
    ),
  )
}
