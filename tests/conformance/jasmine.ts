// Jasmine's globals, which TensorFlow.js's suite expects. Imported before it.
import { createRequire } from 'node:module'

interface Expectation {
  readonly message: string
}

export interface Spec {
  readonly fullName: string
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded'
  readonly failedExpectations: readonly Expectation[]
}

interface Environment {
  configure(options: { random: boolean; specFilter?: (spec: { getFullName(): string }) => boolean }): void
  addReporter(reporter: { specDone(spec: Spec): void }): void
  execute(): Promise<unknown>
}

const require = createRequire(import.meta.url)
// One of the suite's predicates asks `require` for worker threads.
Object.assign(globalThis, { require })
const core = require('jasmine-core') as { boot(): { getEnv(): Environment } }

export const environment = core.boot().getEnv()
