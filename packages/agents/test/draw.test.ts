// Drawings: that everything is there, once, and that nothing lies on anything else.
import { expect, test } from 'vitest'
import {
  aggregate,
  critique,
  debate,
  drawSvg,
  drawText,
  propose,
  refine,
  sample,
  sequence,
  topology,
  vote,
} from '../src/index.ts'

const six = ['a', 'b', 'c', 'd', 'e', 'f']
const moa = topology('moa', propose(six), propose(six), aggregate('a'))

test('a text of 6 × 3 layers', () => {
  expect(drawText(moa)).toBe(
    `          question
             ▼
          ┌─────────────┐
layer 1   │ propose ×6  │
          │ a b c d e f │
          └─────────────┘
             ▼
          ┌─────────────┐
layer 2   │ propose ×6  │
          │ a b c d e f │
          └─────────────┘
             ▼
          ┌────────────────────────┐
layer 3   │ aggregate (aggregator) │
          │ a                      │
          │ → answer               │
          └────────────────────────┘`,
  )
})

test('a text says what a step sees that is not the layer before, and counts agents', () => {
  const reviewed = topology(
    't',
    sequence(propose(['a', 'b']), critique(['a', 'b']), refine(['a', 'b'])),
    aggregate('c'),
  )
  expect(drawText(reviewed)).toMatch(/refine \(author\) ×2[\s│]+a b[\s│]+sees own proposer of layer 1, layer 2/)
  const sampled = topology('t', sample('a', 40), vote())
  expect(drawText(sampled)).toContain('│ a ×40')
  for (const line of drawText(moa, { width: 50 }).split('\n')) expect(line.length).toBeLessThanOrEqual(50)
})

interface Rectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const rectangles = (svg: string): Rectangle[] =>
  [...svg.matchAll(/<rect class="box[^"]*" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map(
    ([, x, y, width, height]) => ({ x: Number(x), y: Number(y), width: Number(width), height: Number(height) }),
  )

const texts = (svg: string) =>
  [...svg.matchAll(/<text(?: class="(soft)")? x="([\d.]+)" y="([\d.]+)"( text-anchor="middle")?>([^<]*)</g)].map(
    ([, soft, x, y, middle, text]) => {
      // A wide letter of this font has 0.62 of its size on average.
      const width = text!.length * (soft === undefined ? 12 : 11) * 0.62
      return {
        x: Number(x) - (middle === undefined ? 0 : width / 2),
        y: Number(y) - 11,
        width,
        height: 14,
        text: text!,
      }
    },
  )

const overlap = (a: Rectangle, b: Rectangle) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
const inside = (a: Rectangle, b: Rectangle) =>
  a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width && a.y + a.height <= b.y + b.height

test.each([
  ['moa', moa],
  ['debate', topology('debate', debate(['a', 'b', 'c'], { rounds: 3 }), vote())],
  [
    'wide',
    topology('wide', propose(['an-agent-with-a-name-that-is-far-too-long-for-its-box', 'b']), sample('b', 40), vote()),
  ],
])('an SVG of %s: boxes and labels lie apart, and labels in their boxes', (_, drawn) => {
  const svg = drawSvg(drawn, { note: () => 'a note of some length about it' })
  const boxes = rectangles(svg)
  expect(boxes.length).toBeGreaterThan(2)
  const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)!.map(Number) as [number, number, number]
  for (const [index, box] of boxes.entries()) {
    expect(inside(box, { x: 0, y: 0, width, height })).toBe(true)
    for (const other of boxes.slice(index + 1)) expect(overlap(box, other)).toBe(false)
  }
  const labels = texts(svg)
  for (const [index, label] of labels.entries()) {
    for (const other of labels.slice(index + 1))
      expect(overlap(label, other), `${label.text} / ${other.text}`).toBe(false)
    const around = boxes.filter((box) => overlap(label, box))
    if (!label.text.startsWith('layer '))
      expect(around.length === 1 && inside(label, around[0]!), label.text).toBe(true)
  }
})

test('an SVG has a line for each answer that is seen, in light and dark, with texts escaped', () => {
  const svg = drawSvg({ ...moa, name: '<moa & "more">' })
  expect(svg.match(/<path /g)!.length).toBe(6 + 36 + 6)
  expect(svg).toContain('prefers-color-scheme: dark')
  expect(svg).toContain('aria-label="the topology &lt;moa &amp; &quot;more&quot;&gt;"')
  expect(svg).not.toContain('<moa')
  const gated = drawSvg({
    name: 't',
    output: 'y',
    steps: [
      { id: 'x', kind: 'cascade', layer: 1, agents: ['a'], from: [] },
      { id: 'y', kind: 'cascade', layer: 2, agents: ['b'], from: ['x'], gates: ['x'] },
    ],
  })
  expect(gated.match(/<path [^>]*class="gate"/g)!.length).toBe(1)
})
