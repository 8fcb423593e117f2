/**
 * Runs before each test file. Properties draw the same cases in each run, so a commit passes or fails every time;
 * COUNTERSIGN_TEST_SEED, a number or `random`, draws others.
 *
 * @packageDocumentation
 */
import fc from 'fast-check'

const DEFAULT_SEED = 20_261_130
const wanted = process.env['COUNTERSIGN_TEST_SEED'] ?? String(DEFAULT_SEED)
if (wanted === 'random') fc.resetConfigureGlobal()
else fc.configureGlobal({ seed: Number(wanted) })
