// `pnpm bench calls`: what the caller adds to calls of models. Its peer is a bare pool of promises that calls the same
// model directly, in the same run. With a model that answers at once the time is all overhead; with one that takes as long
// as a server, what counts is how near to the server's own critical path (calls / concurrency × latency) the whole comes.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { agentConfig, type Call, type ChatModel, type ChatReply, createCaller, Recording } from '@mixlab/agents'
import { MixlabError, RandomStream, writeAtomically } from '@mixlab/core'

const usage = `pnpm bench calls [options]
  --calls N          (default 7000)
  --concurrency N    (default 64)
  --latency MS       of the model that takes time (default 100)
  --out FILE         where the JSON goes (default docs/benchmarks/calls.json)`

/** A prompt of an aggregator's size, and a reply in twenty pieces. */
const prompt = 'Six answers to one question, of which some are wrong. '.repeat(40)
const piece = 'some words of a reply '
const pieces = 20
const reply: ChatReply = {
  text: piece.repeat(pieces),
  finishReason: 'stop',
  usage: { inputTokens: 500, outputTokens: 100 },
  warnings: [],
}

const modelOf = (latencyMs: number): ChatModel => ({
  provider: 'bench',
  model: 'bench',
  supports: { streaming: true, seed: false, logProbabilities: false },
  generate: () => Promise.resolve(reply),
  async *stream() {
    if (latencyMs > 0) await sleep(latencyMs)
    for (let i = 0; i < pieces; i++) yield { type: 'text', text: piece }
    yield { type: 'reply', reply }
  },
})

const callOf = (i: number): Call => ({
  id: `q${i}/answer`,
  question: `q${i}`,
  step: 'answer',
  layer: 1,
  agent: 'a',
  request: { messages: [{ role: 'user', content: `${prompt}${i}` }], maxTokens: 512 },
  sample: 0,
})

interface Spent {
  readonly seconds: number
  /** The process's own: on a busy machine it says more than the clock. */
  readonly cpuSeconds: number
}

/** What it took until `work` was done for each index, `width` at once. */
async function spentOn(count: number, width: number, work: (index: number) => Promise<unknown>): Promise<Spent> {
  let next = 0
  const begun = performance.now()
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++)
    }),
  )
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - begun) / 1000, cpuSeconds: (user + system) / 1e6 }
}

const signal = new AbortController().signal

const bare = (latencyMs: number, calls: number, concurrency: number): Promise<Spent> => {
  const model = modelOf(latencyMs)
  return spentOn(calls, concurrency, async (i) => {
    for await (const chunk of model.stream(callOf(i).request, { signal })) if (chunk.type === 'reply') return
  })
}

async function called(
  mode: 'off' | 'record' | 'replay',
  folder: string,
  latencyMs: number,
  calls: number,
  concurrency: number,
): Promise<Spent> {
  using recording = mode === 'off' ? undefined : new Recording(folder, { access: mode === 'record' ? 'write' : 'read' })
  const agent = { name: 'a', config: agentConfig.parse({ model: 'bench' }), model: modelOf(latencyMs) }
  await using caller = createCaller({
    agents: new Map([['a', agent]]),
    signal,
    ...(recording && { recording }),
    mode,
    failures: 'reuse',
    concurrency,
    budget: { tokens: 1e12 },
    rng: new RandomStream(0),
  })
  // More askers than places, as topologies have: the rest queues.
  return await spentOn(calls, 4 * concurrency, (i) => caller.call(callOf(i)))
}

const countOf = (name: string, text: string): number => {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new MixlabError(`--${name} ${text}: expected a whole number ≥ 1`)
  return count
}

export async function benchCalls(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      calls: { type: 'string', default: '7000' },
      concurrency: { type: 'string', default: '64' },
      latency: { type: 'string', default: '100' },
      out: { type: 'string', default: join(import.meta.dirname, '../../docs/benchmarks/calls.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const calls = countOf('calls', values.calls)
  const concurrency = countOf('concurrency', values.concurrency)
  const latency = countOf('latency', values.latency)
  const load = loadavg()[0]!
  const folder = mkdtempSync(join(tmpdir(), 'mixlab-bench-calls-'))
  try {
    await called('off', folder, 0, calls, concurrency)
    const rate = ({ seconds, cpuSeconds }: Spent) => ({
      callsPerSecond: Math.round(calls / seconds),
      cpuMicrosecondsPerCall: Math.round((1e6 * cpuSeconds) / calls),
    })
    const instant = {
      bare: rate(await bare(0, calls, concurrency)),
      off: rate(await called('off', folder, 0, calls, concurrency)),
      record: rate(await called('record', folder, 0, calls, concurrency)),
      replay: rate(await called('replay', folder, 0, calls, concurrency)),
    }
    const criticalPath = (Math.ceil(calls / concurrency) * latency) / 1000
    const slow = {
      criticalPath,
      bare: (await bare(latency, calls, concurrency)).seconds,
      record: (await called('record', join(folder, 'slow'), latency, calls, concurrency)).seconds,
    }
    const report = {
      machine: { processor: cpus()[0]?.model, cores: cpus().length, loadBefore: load },
      versions: { node: process.versions.node },
      calls,
      concurrency,
      instantModel: instant,
      slowModel: { latencyMs: latency, seconds: slow, ratio: slow.record / criticalPath },
    }
    mkdirSync(dirname(values.out), { recursive: true })
    await writeAtomically(values.out, `${JSON.stringify(report, null, 2)}\n`)
    for (const [how, { callsPerSecond, cpuMicrosecondsPerCall }] of Object.entries(instant))
      console.log(`instant model, ${how}: ${callsPerSecond} calls/s, ${cpuMicrosecondsPerCall} µs of processor a call`)
    console.log(
      `a model of ${latency} ms: ${slow.record.toFixed(2)} s recorded, ${slow.bare.toFixed(2)} s without a caller; ${(slow.record / criticalPath).toFixed(3)} × its critical path of ${criticalPath.toFixed(2)} s`,
    )
    console.log(`Written to ${relative(process.cwd(), values.out)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
