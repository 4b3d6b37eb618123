// What answers is no MLflow server, or refuses the password: the run, or the sweep, does not begin.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mixlab, root } from './mixlab.ts'

let server: Server
let uri: string
let status = 404
const folder = mkdtempSync(join(tmpdir(), 'mixlab-wrong-tracker-'))

beforeAll(async () => {
  server = createServer((_, to) => void to.writeHead(status, { 'content-type': 'text/html' }).end('<h1>No</h1>'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  uri = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

const script = join(root, 'packages/cli/test/fixtures/plain.ts')

test.for([
  [['run', script], 404, /no MLflow server/],
  [['run', script], 401, /401/],
  [['sweep', script, '--over', 'pauseMs=1,2', '--trials', '2', '--objective', 'steps'], 404, /no MLflow server/],
  [['sweep', script, '--over', 'pauseMs=1,2', '--trials', '2', '--objective', 'steps'], 403, /403/],
] as const)('mixlab %s, and the server says %s', async ([args, answered, said]) => {
  status = answered
  const runs = join(folder, 'runs')
  const { code, stderr } = await mixlab([
    ...args,
    '--runs',
    runs,
    '--track',
    'mlflow',
    '--track-set',
    `mlflow.uri=${uri}`,
  ])
  expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^mixlab: tracker mlflow: /)])
  expect(stderr).toMatch(said)
  expect(code).toBe(2)
  expect(existsSync(runs) ? readdirSync(runs, { recursive: true }) : []).toEqual([])
})
