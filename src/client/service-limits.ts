/** What one request to a service takes: the service refuses more, and a client sends several. */

/** Artifacts of one request for signatures. */
export const MAX_ARTIFACTS = 100

/** Subjects of one attestation: their digests fit into one entry of the log. */
export const MAX_SUBJECTS = 512
/** The same where any of the digests is longer than SHA-256. */
export const MAX_LONG_SUBJECTS = 256
