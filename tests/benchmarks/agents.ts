// `pnpm bench agents`: a mixture of six proposers and an aggregator answers a thousand questions through a local server that
// streams. The floor is the server's: the time that it spent on all requests, divided by how many may be under way at once.
// What the run holds (the heap, after a forced collection) is sampled on the way: it must not grow with the questions that it
// has answered, but for the places of recorded calls.
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MixlabError, writeAtomically } from '@mixlab/core'
import { runExperiment } from '@mixlab/lab'
import mixture from '../agents/fixtures/mixture.ts'
import { serverProcess } from '../agents/server-process.ts'

const usage = 'pnpm bench agents [--questions N] [--concurrency N] [--latency MS] [--out FILE]'
const calls = 7
/** The run is to end within this many times the floor. */
const bound = 1.2

function numberOf(args: readonly string[], flag: string, usual: number): number {
  const at = args.indexOf(flag)
  const value = at < 0 ? usual : Number(args[at + 1])
  if (!(value > 0)) throw new MixlabError(`${flag} ${args[at + 1]}: expected a number above 0. ${usage}`)
  return value
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

export async function benchAgents(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return console.log(usage)
  const [questions, concurrency, latency] = [
    numberOf(args, '--questions', 1000),
    numberOf(args, '--concurrency', 64),
    numberOf(args, '--latency', 600),
  ]
  const runs = mkdtempSync(join(tmpdir(), 'mixlab-bench-agents-'))
  // A fifth of a reply's time passes before its first word; the rest between its words.
  const words = 40
  using server = await serverProcess({
    firstTokenMs: [0.1 * latency, 0.3 * latency],
    tokenMs: (0.8 * latency) / words,
    words,
  })
  const memory: number[] = []
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const sampling = setInterval(() => {
    collect()
    memory.push(process.memoryUsage().heapUsed)
  }, 2000)
  const cpu = process.cpuUsage()
  const began = performance.now()
  try {
    const { result } = await runExperiment(mixture, {
      runs,
      config: {
        questions,
        agents: { only: { model: { name: 'openai-compatible', url: server.url, model: 'm' }, maxTokens: 256 } },
        // Enough questions that no place at the server is free while there is something to ask.
        concurrency: concurrency,
        calling: { concurrency },
      },
    })
    const seconds = (performance.now() - began) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const seen = await server.statistics()
    const floor = seen.serviceMs / concurrency / 1000
    const fifth = Math.floor(memory.length / 5)
    const [early, late] = [memory.slice(fifth, 2 * fifth), memory.slice(-fifth)].map((part) => mean(part) / 2 ** 20)
    const outcome = {
      questions,
      concurrency,
      requests: seen.requests,
      completed: seen.completed,
      peak: seen.peak,
      seconds,
      floorSeconds: floor,
      ratio: seconds / floor,
      processorSeconds: (user + system) / 1e6,
      heapMiB: { secondFifth: early, lastFifth: late },
      load: loadavg()[0],
      answered: result['answered'],
    }
    console.log(
      [
        `${questions} questions × ${calls} calls, ${concurrency} at once: ${seconds.toFixed(1)} s; the server alone ${floor.toFixed(1)} s: ${outcome.ratio.toFixed(3)} ×${outcome.ratio > bound ? `  above ${bound}` : ''}`,
        `answered ${String(result['answered'])}; the server saw ${seen.requests} requests, ${seen.completed} replies to their end, at most ${seen.peak} at once`,
        `processor ${((1e3 * outcome.processorSeconds) / seen.requests).toFixed(2)} ms a call; heap ${early!.toFixed(0)} MiB in the second fifth, ${late!.toFixed(0)} MiB in the last`,
        `load ${loadavg()[0]!.toFixed(1)}`,
      ].join('\n'),
    )
    const at = args.indexOf('--out')
    if (at >= 0)
      await writeAtomically(
        args[at + 1]!,
        `${JSON.stringify({ date: new Date().toISOString(), node: process.versions.node, ...outcome }, undefined, 1)}\n`,
      )
  } finally {
    clearInterval(sampling)
    rmSync(runs, { recursive: true, force: true })
  }
}
