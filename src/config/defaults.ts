/** What holds where nothing else is said; the schema and its documentation take their defaults from here. */

/** Values in the form of the file. */
export const DEFAULTS = {
  store: 'sqlite:countersign.db',
  algorithm: 'ES256',
  referrersMode: 'auto',
} as const
