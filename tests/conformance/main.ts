// `pnpm conformance --engine NAME`: TensorFlow.js's own operation tests against an engine, beside TensorFlow.js's backends.
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { table } from '@mixlab/cli'
import { suggest } from '@mixlab/core'
import { bundleSuite } from './bundle.ts'
import { engines } from './engines.ts'
import type { Report } from './suite.ts'

const usage = `pnpm conformance [options]
  --engine NAME   the engine under test: ${Object.keys(engines).join(', ')} (default cpu)
  --grep TEXT     only tests whose name contains this
  --failures N    how many failures to print (default 20)`

/** TensorFlow.js's WebAssembly backend 4.22, which is not installed here, as it was recorded on Node 24. */
const recorded = { name: "TensorFlow.js's WebAssembly backend (recorded)", passed: 3891, failed: 334 }

function runSuite(file: string, engine: string, filter: string | undefined): Promise<Report> {
  return new Promise((resolve, reject) => {
    // What the suite prints (timings of its debug mode) is of no interest; its errors are.
    const child = fork(file, [engine, ...(filter === undefined ? [] : [filter])], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    let report: Report | undefined
    child.on('message', (message) => (report = message as Report))
    child.on('error', reject)
    child.on('close', (code, signal) =>
      report
        ? resolve(report)
        : reject(new Error(`the suite against ${engine} ended without a report (${signal ?? code})`)),
    )
  })
}

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'cpu' },
    grep: { type: 'string' },
    failures: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
})

async function conformance(): Promise<number> {
  const { engine, grep } = values
  if (!(engine in engines)) {
    console.error(`conformance: unknown engine "${engine}".${suggest(engine, Object.keys(engines))}`)
    return 2
  }
  const file = await bundleSuite()
  const ours = await runSuite(file, engine, grep)
  const theirs = engine === 'javascript' ? ours : await runSuite(file, 'javascript', grep)
  for (const { name, message } of ours.failures.slice(0, Number(values.failures)))
    console.log(`failed: ${name}\n        ${message.split('\n')[0]}`)
  const row = (name: string, passed: number, failed: number, skipped?: number) => [
    name,
    String(passed),
    String(failed),
    skipped === undefined ? '' : String(skipped),
  ]
  const rows = [
    ...(engine === 'javascript'
      ? []
      : [row(`mixlab ${engine}`, ours.counts.passed, ours.counts.failed, ours.counts.pending)]),
    row("TensorFlow.js's JavaScript backend", theirs.counts.passed, theirs.counts.failed, theirs.counts.pending),
    ...(grep === undefined ? [row(recorded.name, recorded.passed, recorded.failed)] : []),
  ]
  console.log(table(['backend', 'passed', 'failed', 'skipped by the suite'], rows))
  console.log(`${ours.counts.passed} passed, ${ours.counts.failed} failed`)
  if (ours.counts.passed === 0) return 2
  return ours.counts.failed === 0 ? 0 : 1
}

if (values.help) console.log(usage)
else process.exitCode = await conformance()
