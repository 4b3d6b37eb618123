// `mixlab topology`: what it shows, and what it says of mistakes.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { workplace } from './fixtures/command.ts'

test('a topology with placeholder agents: its drawing, its calls by layer and agent', async () => {
  const { stdout, code } = await workplace().mixlab('topology', 'show', 'moa')
  expect(code).toBe(0)
  expect(stdout).toContain('https://arxiv.org/abs/2406.04692')
  expect(stdout).toMatch(/^layer 1 +│ propose ×6/m)
  expect(stdout).toMatch(/^layer 3 +│ aggregate/m)
  expect(stdout).toMatch(/^layer 1 +6 /m)
  expect(stdout).toMatch(/^all +13 .* unknown$/m)
  expect(stdout).toMatch(/^No price is known of any agent/m)
})

test('fields, agents, prices, and a drawing', async () => {
  const { mixlab, folder } = workplace()
  const flags = ['--agents', 'weak,strong', '--price', '1/4', '--price', 'strong=10/40', '--max-tokens', '100']
  const show = await mixlab('topology', 'show', 'moa', '--set', 'layers=4', ...flags, '--svg', 'moa.svg')
  expect(show.stderr).toBe('')
  expect(show.code).toBe(0)
  expect(show.stdout).toMatch(/^all +7 .* USD$/m)
  const svg = readFileSync(join(folder, 'moa.svg'), 'utf8')
  expect(svg).toMatch(/^<svg /)
  expect(svg.match(/>weak</g)!.length).toBe(4)
  const cascade = await mixlab('topology', 'show', 'frugal-gpt', ...flags)
  expect(cascade.stdout).toMatch(/^all +3 to 4 /m)
  expect(cascade.stdout).toContain('may end early')
})

test('all topologies are listed, and their fields shown', async () => {
  const { mixlab } = workplace()
  const { stdout } = await mixlab('topology', 'list')
  for (const name of ['single', 'moa', 'moa-lite', 'debate', 'archon'])
    expect(stdout).toMatch(new RegExp(`^${name} `, 'm'))
  expect((await mixlab('plugins', 'show', 'topology/moa')).stdout).toMatch(/layers +integer ≥ 2 .*\[3\]/)
})

test('help says what can be set', async () => {
  const { stdout, code } = await workplace().mixlab('topology', 'show', '--help')
  expect(code).toBe(0)
  for (const option of ['--set', '--agents', '--svg', '--price']) expect(stdout).toContain(option)
})

test.each([
  [['show', 'mao'], /^mixlab: unknown topology "mao". Did you mean moa/],
  [['show', 'moa', '--set', 'layer=4'], /^mixlab: topology moa: unknown field layer. Did you mean .*layers\?/],
  [['show', 'moa', '--set', 'layers=1'], /^mixlab: topology moa: layers is 1, expected integer ≥ 2/],
  [
    ['show', 'moa', '--agents', 'weak,strong', '--set', 'aggregator=strnog'],
    /calls strnog, and there is no such agent. Did you mean strong\?/,
  ],
  [
    ['show', 'moa', '--agents', 'weak', '--price', 'waek=1/2'],
    /^mixlab: --price waek=1\/2: there is no agent waek. Did you mean weak\?/,
  ],
  [['show', 'route-llm', '--agents', 'one'], /^mixlab: topology route-llm routes between two agents/],
  [['show', 'moa', '--svg', '/dev/null/moa.svg'], /^mixlab: .*\/dev\/null/],
  [['shwo', 'moa'], /unknown command/],
])('%j is one line and exit code 2', async (words, message) => {
  const { stdout, stderr, code } = await workplace().mixlab('topology', ...words)
  expect(code).toBe(2)
  expect(stderr).toMatch(message)
  expect(stderr.trimEnd().split('\n').length).toBe(1)
  if (!words.includes('--svg')) expect(stdout).toBe('')
})
