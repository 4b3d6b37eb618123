// `pnpm bench profile`: where each millisecond of a training step, or of a decoded token, goes: kernels by the clock around
// them, the rest by V8's sampling profiler. With several threads it is the main thread's time.
import { spawnSync } from 'node:child_process'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { table } from '@mixlab/cli'
import { runningBackend } from '@mixlab/engine-cpu'
import { registerEngines } from '@mixlab/lab'
import { decodeStep } from './decode.ts'
import { countOf, listOf } from './options.ts'
import { steps } from './steps.ts'

const workloads: Readonly<Record<string, () => Promise<() => void | Promise<void>>>> = { ...steps, decode: decodeStep }

const usage = `pnpm bench profile [options]
  --only LIST    workloads: ${Object.keys(workloads).join(', ')} (default all)
  --threads N    threads of the engine (default 1)
  --repeats N    profiled steps (default 30); of decode, times 100 tokens
  --top N        functions to list (default 12)`

/** By the name of a kernel, or of what runs in JavaScript. */
const parts: readonly (readonly [part: string, name: RegExp])[] = [
  ['products', /^kernel multiply/],
  ['packing', /^kernel pack/],
  ['attention', /^kernel (attention|rotary)/],
  ['norms, softmax, loss', /^kernel (\w+Norm|\w*[sS]oftmax|crossEntropy|\w+(Rows|Columns)Float|sumRows)/],
  ['routing and gathers', /^kernel (combine|addSorted|gather|sortByKey|topK|scatter|pairRows)/],
  ['copies', /^kernel (copy|fill)/],
  ['optimizer', /^kernel (adamW|squareSums|rootOfSum)/],
  ['elementwise', /^kernel \w+(Float|Int|Bool|Grad|gated\w+)$|^kernel (gated|fused)/],
  ['other kernels', /^kernel /],
  ['garbage collection', /^\(garbage collector\)$/],
  ['tape and dispatch (JavaScript)', /./],
]

interface Share {
  readonly name: string
  milliseconds: number
}

/**
 * Profiles `repeats` steps; milliseconds a step of every kernel, threads that it waits for included, by the clock around
 * it, and of every function of the rest by V8's samples.
 */
async function profile(step: () => void | Promise<void>, repeats: number): Promise<Share[]> {
  const backend = runningBackend()!
  const until = performance.now() + 1000
  while (performance.now() < until) await step()
  backend.synchronize()
  const shares = new Map<string, number>()
  const add = (name: string, milliseconds: number) => shares.set(name, (shares.get(name) ?? 0) + milliseconds / repeats)
  backend.watch((kernel, milliseconds) => add(`kernel ${kernel}`, milliseconds))
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 200 })
  await session.post('Profiler.start')
  for (let i = 0; i < repeats; i++) await step()
  backend.watch()
  const { profile: taken } = await session.post('Profiler.stop')
  session.disconnect()
  const names = new Map(taken.nodes.map(({ id, callFrame: { functionName } }) => [id, functionName || '(anonymous)']))
  const nodes = new Map(taken.nodes.map((node) => [node.id, node]))
  const parents = new Map(taken.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  /** What was timed already: machine code counts for the function that calls it, V8 does not see it. */
  const isKernel = (id: number | undefined): boolean =>
    id !== undefined &&
    (/\/src\/(native\/|pool\.ts|queue\.ts|control\.ts)|^wasm:/.test(nodes.get(id)!.callFrame.url) ||
      isKernel(parents.get(id)))
  for (const [index, id] of taken.samples!.entries()) {
    // The profiler's own, too.
    if (names.get(id) !== 'post' && !isKernel(id)) add(names.get(id)!, taken.timeDeltas![index]! / 1000)
  }
  return [...shares].map(([name, milliseconds]) => ({ name, milliseconds }))
}

/** One workload, in this process. */
async function report(workload: string, repeats: number, top: number): Promise<void> {
  const engine = await (await registerEngines()).useEngine('cpu')
  const [count, unit] = workload === 'decode' ? [100 * repeats, 'token'] : [repeats, 'step']
  const functions = await profile(await workloads[workload]!(), count)
  const total = functions.reduce((sum, { milliseconds }) => sum + milliseconds, 0)
  const sums = new Map(parts.map(([part]) => [part, 0]))
  for (const { name, milliseconds } of functions) {
    const [part] = parts.find(([, place]) => place.test(name))!
    sums.set(part, sums.get(part)! + milliseconds)
  }
  const row = (name: string, milliseconds: number) => [
    name,
    milliseconds.toFixed(total < 10 ? 3 : 2),
    `${((100 * milliseconds) / total).toFixed(1)} %`,
  ]
  const busy = [...sums].filter(([, milliseconds]) => milliseconds > 0.0005 * total)
  const longest = functions.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, top)
  console.log(
    `${workload}, ${engine.threads} thread${engine.threads === 1 ? '' : 's'}: ${total.toFixed(total < 10 ? 2 : 1)} ms a ${unit}`,
  )
  console.log(
    table(
      ['part', 'ms', 'share'],
      busy.toSorted((a, b) => b[1] - a[1]).map(([part, ms]) => row(part, ms)),
    ),
  )
  console.log(
    `${table(
      ['function', 'ms', 'share'],
      longest.map(({ name, milliseconds }) => row(name, milliseconds)),
    )}\n`,
  )
}

export async function benchProfile(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string', default: Object.keys(workloads).join(',') },
      threads: { type: 'string', default: '1' },
      repeats: { type: 'string', default: '30' },
      top: { type: 'string', default: '12' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const [repeats, top] = [countOf('repeats', values.repeats), countOf('top', values.top)]
  countOf('threads', values.threads)
  const only = listOf('only', positionals[0] ?? values.only, Object.keys(workloads))
  if (positionals.length > 0) return report(only[0]!, repeats, top)
  // A process each: thread counts are fixed at the start, and one workload's memory is not the next one's.
  for (const workload of only) {
    const env = { ...process.env, MIXLAB_THREADS: values.threads }
    const file = join(import.meta.dirname, 'main.ts')
    spawnSync(process.execPath, [file, 'profile', workload, ...args], { stdio: 'inherit', env })
  }
}
