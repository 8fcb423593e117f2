import type { ViteUserConfig } from 'vitest/config'

/** Runs against programs that others wrote: `npm run test:interop`, which installs them first. */
const config: ViteUserConfig = {
  test: {
    include: ['test/interop/**/*.interop.ts'],
    allowOnly: false,
    maxWorkers: 2,
    // Each test starts several processes: generous to a busy machine, still an end to a hung one.
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
}

export default config
