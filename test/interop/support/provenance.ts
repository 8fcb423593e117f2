/** A small predicate of SLSA provenance v1. */
export const PROVENANCE: object = {
  buildDefinition: {
    buildType: 'https://example.com/build/v1',
    externalParameters: { ref: 'refs/heads/main' },
    resolvedDependencies: [{ uri: 'git+https://example.com/acme/app@refs/heads/main' }],
  },
  runDetails: { builder: { id: 'https://example.com/builder' } },
}
