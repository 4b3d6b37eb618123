// Real processes, a real server and SIGKILL: what was recorded is never asked again.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { agentConfig, Recording } from '@mixlab/agents'
import { temporaryFolder } from './folder.ts'
import { callerOf, callOf, reply } from './models.ts'

/** Answers after some milliseconds, long enough that a line is not one page of the disk's cache. */
async function countingServer() {
  const asked: string[] = []
  const server = createServer((request, response) => {
    void text(request).then((question) => {
      asked.push(question)
      const number = Number(question.split(' ')[1])
      setTimeout(
        () => response.end(JSON.stringify(reply(`answer to ${question} ${'word '.repeat(2000 + 50 * number)}`))),
        5 + (number % 7) * 3,
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const program = fileURLToPath(new URL('recording-process.ts', import.meta.url))

/** @returns what it printed; undefined when it was killed */
async function record(url: string, folder: string, scope: string, calls: number, kill?: Promise<unknown>) {
  const child = spawn(process.execPath, [program, url, folder, scope, String(calls)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  void kill?.then(() => child.kill('SIGKILL'))
  const output = await text(child.stdout)
  return (child.signalCode ?? child.killed) ? undefined : output
}

test(
  'twenty kills: no recorded reply is asked for twice, and the result is that of a run without one',
  { timeout: 300_000 },
  async () => {
    const { asked, url } = await countingServer()
    const calls = 300
    const whole = await record(url, temporaryFolder(), 'run', calls)
    expect(JSON.parse(whole!)).toHaveLength(calls)
    expect(new Set(asked).size).toBe(calls)

    const folder = temporaryFolder()
    let kills = 0
    let repeated = 0
    for (let round = 0; kills < 20; round++) {
      asked.length = 0
      const before = new Set<string>()
      if (round > 0) {
        using recording = new Recording(folder, { access: 'read' })
        for (const call of recording.calls()) before.add(call.request.messages[0]!.content)
      }
      // Some milliseconds after the server's tenth question, at every phase of a call over the rounds.
      const heard = (async () => {
        while (asked.length < 10) await new Promise((resolve) => setTimeout(resolve, 2))
        await new Promise((resolve) => setTimeout(resolve, (round * 7) % 23))
      })()
      const printed = await record(url, folder, 'run', calls, heard)
      repeated += asked.filter((question) => before.has(question)).length
      if (printed !== undefined) break
      kills++
    }
    expect(kills).toBe(20)
    asked.length = 0
    const result = await record(url, folder, 'run', calls)
    expect(repeated).toBe(0)
    expect(result).toBe(whole)
    using recording = new Recording(folder, { access: 'read' })
    const ids = [...recording.calls()].map(({ id }) => id)
    expect(ids.length).toBe(calls)
    expect(new Set(ids).size).toBe(calls)
    console.log(`20 kills; ${calls} calls recorded once each, ${asked.length} of them after the last kill`)
  },
)

test('two processes write into one recording at once; each finds its own again', { timeout: 120_000 }, async () => {
  const { url } = await countingServer()
  const folder = temporaryFolder()
  const [one, two] = await Promise.all([record(url, folder, 'one', 60), record(url, folder, 'two', 80)])
  using recording = new Recording(folder, { access: 'read' })
  for (const [scope, printed] of [
    ['one', one],
    ['two', two],
  ] as const) {
    const agent = {
      name: 'a',
      config: agentConfig.parse({ model: 'test' }),
      model: { provider: 'test', model: 'model' },
    }
    await using replay = callerOf([], { agents: new Map([['a', agent]]), mode: 'replay', recording, scope })
    const expected = JSON.parse(printed!) as [string, string, number][]
    for (const [i, [id, reply]] of expected.entries()) {
      const outcome = await replay.call(callOf(id, `question ${i}`))
      expect(outcome.ok && outcome.reply.text === reply).toBe(true)
    }
  }
})
