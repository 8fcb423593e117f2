/** Every file of vectors. */
import { bundles } from './bundles.ts'
import { ecdsa } from './ecdsa.ts'
import { ed25519 } from './ed25519.ts'
import { envelopes } from './envelopes.ts'
import { imageReferences } from './image-references.ts'
import { jwks } from './jwks.ts'
import { jws } from './jws.ts'
import { jwt } from './jwt.ts'
import type { Maker } from './made.ts'
import { merkleProofs } from './merkle-proofs.ts'
import { pkcs11Uris } from './pkcs11-uris.ts'
import { publicKeys } from './public-keys.ts'
import { rsaPkcs1 } from './rsa-pkcs1.ts'
import { rsaPss } from './rsa-pss.ts'
import { signedNotes } from './signed-notes.ts'
import { statements } from './statements.ts'
import { timeStamps } from './time-stamps.ts'

/** The makers of all files, each of one format. */
export const MAKERS: readonly Maker[] = [
  ecdsa,
  rsaPkcs1,
  rsaPss,
  ed25519,
  publicKeys,
  jws,
  jwks,
  jwt,
  envelopes,
  statements,
  bundles,
  timeStamps,
  signedNotes,
  merkleProofs,
  imageReferences,
  pkcs11Uris,
]
