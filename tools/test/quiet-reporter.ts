import type { TestCase, TestModule } from 'vitest/node'
import { DefaultReporter } from 'vitest/node'

/** Shows what failed alone; on a terminal also how far the run has come. */
export class QuietReporter extends DefaultReporter {
  protected override printTestModule(module: TestModule): void {
    if (module.state() === 'failed') super.printTestModule(module)
  }

  protected override printTestCase(state: ReturnType<TestModule['state']>, test: TestCase): void {
    if (test.result().state === 'failed') super.printTestCase(state, test)
  }
}
