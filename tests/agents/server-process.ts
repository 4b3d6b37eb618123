// Starts `serve.ts`.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ServerOrder, ServerStatistics } from './serve.ts'

export interface ServerProcess extends Disposable {
  readonly url: string
  statistics(): Promise<ServerStatistics>
}

export async function serverProcess(order: ServerOrder = {}): Promise<ServerProcess> {
  const child = fork(join(import.meta.dirname, 'serve.ts'), [JSON.stringify(order)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return {
    url,
    async statistics() {
      child.send({ statistics: true })
      const [{ statistics }] = (await once(child, 'message')) as [{ statistics: ServerStatistics }]
      return statistics
    },
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  }
}
