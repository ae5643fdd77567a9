import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends the output with one plain line, '12 passed, 0 failed', for programs that read it. A file that could not be loaded,
 * and an error outside all tests, count as failed.
 */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length
    const broken = modules.filter((module) => module.errors().length > 0).length
    process.stdout.write(`${count('passed')} passed, ${count('failed') + broken + unhandledErrors.length} failed\n`)
  }
}
