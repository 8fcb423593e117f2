/** What to do about a connection that did not come about, by the code that Node gives the failure. */

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const WRONG_CERTIFICATE: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** Returns the hint for a code; an unknown code gets the usual things to check. */
export function connectionHint(code: string): string {
  if (UNKNOWN_AUTHORITY.has(code)) {
    return 'its certificate is of an authority that this machine does not know: if it is yours, set NODE_EXTRA_CA_CERTS to the PEM file of that authority'
  }
  if (WRONG_CERTIFICATE.has(code)) {
    return 'its certificate is for another name, or not valid at this time; fix it, or the clock of this machine'
  }
  return 'check the name, the network, the firewall and the certificate, and try again'
}
