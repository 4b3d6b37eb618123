// The process in which the suite runs against one engine: `suite.js ENGINE [FILTER]`. It reports to its parent.
import { environment, type Spec } from './jasmine.ts'
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js'
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js'
import { engines } from './engines.ts'

/** Results by status, and what failed. */
export interface Report {
  readonly counts: Record<Spec['status'], number>
  readonly failures: { readonly name: string; readonly message: string }[]
}

const [engine, filter] = process.argv.slice(2)
const backendName = await engines[engine!]!()
// Whole sub-suites are left out for backends that cannot read synchronously; ours can.
setTestEnvs([{ name: backendName, backendName, isDataSync: true }])
await import('@tensorflow/tfjs-core/dist/tests.js')

const report: Report = { counts: { passed: 0, failed: 0, pending: 0, excluded: 0 }, failures: [] }
environment.configure({
  random: false,
  ...(filter !== undefined && { specFilter: (spec) => spec.getFullName().includes(filter) }),
})
environment.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    report.counts[status]++
    if (status === 'failed') report.failures.push({ name: fullName, message: failedExpectations[0]?.message ?? '' })
  },
})
await environment.execute()
process.send!(report, () => process.exit())
