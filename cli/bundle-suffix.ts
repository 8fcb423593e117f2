/** How the name of a bundle beside its file ends. */
export const BUNDLE_SUFFIX = '.sigstore.json'
