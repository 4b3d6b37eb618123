// Event files as TensorBoard itself reads them: its accumulator, its data provider, its hyper-parameter plug-in.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pushRun } from '@mixlab/tracking'
import { tensorboard } from '../src/index.ts'
import { heatMap } from '../src/tensorboard/png.ts'
import { crc32c } from '../src/tensorboard/records.ts'
import { runPython, temporaryFolder, withoutPython } from './peer.ts'
import { loads, losses, startedAt, writeFamily } from './synthetic-run.ts'

const reason = withoutPython('tensorboard')

const push = async (root: string) =>
  pushRun({ tracker: await tensorboard.create({}, {} as never), name: 'tensorboard', config: {}, root })

test('the checksum is CRC-32C', () => {
  // RFC 3720, B.4.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
})

const program = `
import json, math, sys
from tensorboard.backend.event_processing import event_accumulator as ea
number = lambda v: v if math.isfinite(v) else str(v)
a = ea.EventAccumulator(sys.argv[1], size_guidance={ea.SCALARS: 0, ea.HISTOGRAMS: 0, ea.IMAGES: 0, ea.TENSORS: 0})
a.Reload()
tags = a.Tags()
out = {
  'scalars': {t: [[s.step, s.wall_time, number(s.value)] for s in a.Scalars(t)] for t in tags['scalars']},
  'histograms': {t: [[h.step, list(h.histogram_value.bucket_limit), list(h.histogram_value.bucket), h.histogram_value.num, h.histogram_value.sum, h.histogram_value.sum_squares] for h in a.Histograms(t)] for t in tags['histograms']},
  'images': {t: [[i.step, i.width, i.height, i.encoded_image_string.hex()] for i in a.Images(t)] for t in tags['images']},
  'texts': {t: a.Tensors(t)[0].tensor_proto.string_val[0].decode() for t in tags['tensors']},
  'version': a.file_version,
}
print(json.dumps(out))`

interface Read {
  scalars: Record<string, [step: number, time: number, value: number | string][]>
  histograms: Record<
    string,
    [step: number, limits: number[], counts: number[], num: number, sum: number, squares: number][]
  >
  images: Record<string, [step: number, width: number, height: number, png: string][]>
  texts: Record<string, string>
  version: number
}

test.skipIf(reason !== undefined)(
  'scalars, histograms, images and text are read as they were',
  { timeout: 60_000 },
  async () => {
    const root = join(temporaryFolder(), 'run')
    writeFamily(root)
    await push(root)
    const read = runPython<Read>(program, join(root, 'tensorboard'))
    expect(read.version).toBe(2)
    const words: Record<string, string> = { NaN: 'nan', Infinity: 'inf', '-Infinity': '-inf' }
    const wanted = losses.map((value, i) => [
      i + 1,
      startedAt / 1000 + i + 1,
      words[String(value)] ?? Math.fround(value),
    ])
    expect(read.scalars['train/loss']).toEqual(wanted)
    expect(read.scalars['routing/0/entropy']).toHaveLength(losses.length)
    expect(read.scalars['validation/loss']).toEqual([[losses.length, startedAt / 1000 + 50, 0.75]])
    const [step, limits, counts, num, sum, squares] = read.histograms['routing/0/load']![1]!
    expect([step, num]).toEqual([2, 4])
    expect(sum).toBeCloseTo(4)
    expect(squares).toBeCloseTo(loads[1]!.reduce((total, share) => total + (share * 4) ** 2, 0))
    expect(counts.reduce((a, b) => a + b)).toBe(4)
    expect(limits.at(-1)).toBeCloseTo(2.8)
    expect(counts.at(-1)).toBe(1)
    expect(read.texts['configuration']).toContain('| model.router.k | 2 |')
    const [map] = read.images['routing/0/load-map']!
    expect(map!.slice(0, 3)).toEqual([losses.length, losses.length * 32, 4 * 32])
    expect(read.images['validation/domains-map']![0]!.slice(0, 3)).toEqual([losses.length, 3 * 32, 2 * 32])
  },
)

const decode = `
import json, sys, zlib, struct
data = bytes.fromhex(sys.argv[1])
assert data[:8] == b'\\x89PNG\\r\\n\\x1a\\n'
at, parts = 8, {}
while at < len(data):
    size, kind = struct.unpack('>I4s', data[at:at + 8])
    body = data[at + 8:at + 8 + size]
    assert struct.unpack('>I', data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body)
    parts[kind.decode()] = body
    at += 12 + size
width, height = struct.unpack('>II', parts['IHDR'][:8])
raw = zlib.decompress(parts['IDAT'])
pixel = lambda x, y: list(raw[y * (1 + 3 * width) + 1 + 3 * x:][:3])
print(json.dumps([width, height, pixel(0, 0), pixel(width - 1, 0), pixel(0, height - 1), pixel(width - 1, height - 1)]))`

test('a heat map is a PNG with the colours of its cells', ({ skip }) => {
  if (withoutPython('zlib') !== undefined) skip('there is no Python')
  const { png } = heatMap([
    [0, 4],
    [null, 2],
  ])
  expect(runPython(decode, png.toString('hex'))).toEqual([
    64,
    64,
    [68, 1, 84],
    [253, 231, 37],
    [128, 128, 128],
    [33, 145, 140],
  ])
})

const hyperparameters = `
import json, sys
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard import context
from tensorboard.plugins.hparams import backend_context, list_session_groups, api_pb2
m = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={'hparams': 0})
m.AddRunsFromDirectory(sys.argv[1]); m.Reload()
p = data_provider.MultiplexerDataProvider(m, sys.argv[1])
c = backend_context.Context(base_plugin.TBContext(data_provider=p))
r = context.RequestContext()
meta = c.hparams_metadata(r, '')
e = c.experiment_from_metadata(r, '', True, meta, c.hparams_from_data_provider(r, '', None), None)
request = api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=100, include_metrics=True, allowed_statuses=[1, 2, 3, 0])
for metric in e.metric_infos:
    request.col_params.append(api_pb2.ColParams(metric=metric.name))
for h in e.hparam_infos:
    request.col_params.append(api_pb2.ColParams(hparam=h.name))
groups = list_session_groups.Handler(r, c, '', request).run()
value = lambda v: getattr(v, v.WhichOneof('kind'))
print(json.dumps({
  'hparams': {h.name: h.type for h in e.hparam_infos},
  'metrics': sorted({m.name.tag for m in e.metric_infos}),
  'groups': {g.name: {'hparams': {k: value(v) for k, v in g.hparams.items()}, 'metrics': {v.name.tag: v.value for v in g.metric_values if v.name.tag == 'validation/loss'}, 'status': [s.status for s in g.sessions], 'times': [[s.start_time_secs, s.end_time_secs] for s in g.sessions]} for g in groups.session_groups},
}))`

test.skipIf(reason !== undefined)(
  'the hyper-parameter page has every run, its parameters and its metrics',
  { timeout: 60_000 },
  async () => {
    const root = join(temporaryFolder(), 'run')
    writeFamily(root)
    await push(root)
    const read = runPython<{ hparams: Record<string, number>; metrics: string[]; groups: Record<string, unknown> }>(
      hyperparameters,
      root,
    )
    expect(read.hparams).toMatchObject({ arm: 1, 'model.bias': 2, k: 3, seed: 3, rate: 3 })
    expect(read.metrics).toContain('validation/loss')
    const id = '20261130-120000-test'
    expect(Object.keys(read.groups).toSorted()).toEqual([id, `${id}/first`, `${id}/second`])
    expect(read.groups[`${id}/second`]).toEqual({
      hparams: { arm: 'second', k: 1, seed: 1 },
      metrics: { 'validation/loss': 0.75 },
      status: [2],
      times: [[startedAt / 1000, startedAt / 1000 + 60]],
    })
    expect(read.groups[`${id}/first`]).toMatchObject({ status: [1], hparams: { arm: 'first', k: 0, seed: 0 } })
  },
)

test('pushed twice, nothing changes; a log that was cut begins a new file', async () => {
  const root = join(temporaryFolder(), 'run')
  writeFamily(root)
  await push(root)
  const file = () => join(root, 'tensorboard', readdirSync(join(root, 'tensorboard'))[0]!)
  const before = readFileSync(file())
  await push(root)
  expect(readFileSync(file()).equals(before)).toBe(true)
  expect(readdirSync(join(root, 'tensorboard'))).toHaveLength(1)
})
