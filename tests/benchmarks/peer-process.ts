// Runs the processes of benchmarks, ours and peers', and finds a Python that has a peer.
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

/** The JSON on a process's last line, or what it said when it failed. Lines of progress (`· …`) are passed on. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what it runs
export async function lastLine<T>(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<T | string> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [last, complaint] = ['', '']
  createInterface(child.stdout).on('line', (line) => (last = line))
  createInterface(child.stderr).on('line', (line) => {
    if (line.startsWith('· ')) process.stderr.write(`  ${line}\n`)
    else if (line.trim()) complaint = line.trim()
  })
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  child.on('error', (error) => resolve(error.message))
  child.on('close', (code, signal) => resolve(code === 0 ? undefined : complaint || `it ended with ${code ?? signal}`))
  const failure = await promise
  if (failure !== undefined) return failure
  return last === '' ? 'it printed nothing' : (JSON.parse(last) as T)
}

/** `MIXLAB_PEER_PYTHON` or `python3`, the first of them that can import these modules. */
export function findPython(modules: readonly string[]): string | undefined {
  const candidates = [process.env['MIXLAB_PEER_PYTHON'], 'python3'].filter((path) => path !== undefined)
  return candidates.find((python) => spawnSync(python, ['-c', `import ${modules.join(', ')}`]).status === 0)
}
