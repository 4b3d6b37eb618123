// Small multiples over steps: what the optimizer did, what the router's losses were, how even the load was. With several
// arms a curve is an arm; with one, the routing panels show each layer.
import type { Arm } from '../arms.ts'
import { finite, meanSeries } from '../curves.ts'
import { armCurves, type Figure, smoothed } from '../figure.ts'
import { type LayerRouting, routingUnit, type RunSeries, type Series } from '../series.ts'
import { type Curve, lineChart, type LineChart } from './line-chart.ts'

const WIDTH = 356
const HEIGHT = 214

/** Curves of fewer points are not smoothed (a fiftieth of them is one point). */
const FEW = 75

interface Panel {
  readonly id: string
  readonly title: string
  readonly caption: string
  readonly yTitle: string
  readonly curves: readonly Curve[]
  readonly options?: Partial<LineChart>
}

function panel({ id, title, caption, yTitle, curves, options }: Panel): Figure | undefined {
  const body = lineChart({
    width: WIDTH,
    height: HEIGHT,
    yTitle,
    curves,
    description: `${title} over training steps`,
    budget: 4500,
    ...options,
  })
  const few = curves.every((curve) => curve.points.length < FEW)
  return body && { id, title, caption: few ? caption.replace(', smoothed', '') : caption, body, width: 'panel' }
}

const present = (figures: readonly (Figure | undefined)[]): Figure[] => figures.filter((figure) => figure !== undefined)

/** Gradient norm, learning rate, throughput. */
export function optimizerPanels(arms: readonly Arm[]): Figure[] {
  return present([
    panel({
      id: 'gradient-norm',
      title: 'Gradient norm',
      caption:
        'Global norm before clipping, smoothed, logarithmic: spikes that return to the level are harmless, a steady rise is not.',
      yTitle: 'Gradient norm',
      curves: armCurves(arms, (run) => run.gradientNorm, { smoothing: 0.02 }),
      options: { logarithmic: true },
    }),
    panel({
      id: 'learning-rate',
      title: 'Learning rate',
      caption: 'As scheduled; arms with the same schedule lie on each other.',
      yTitle: 'Learning rate',
      curves: armCurves(arms, (run) => run.learningRate),
      options: { zero: true },
    }),
    panel({
      id: 'throughput',
      title: 'Throughput',
      caption:
        'Training speed as it was measured, smoothed; evaluations and checkpoints are left out: a dip is other work on the machine.',
      yTitle: 'Tokens per second',
      curves: armCurves(arms, (run) => run.tokensPerSecond, { smoothing: 0.02 }),
      options: { zero: true },
    }),
  ])
}

const lossCaptions: Readonly<Record<string, string>> = {
  balance: 'Unweighted, smoothed: 1 is perfect balance, larger is more uneven.',
  z: 'The mean squared log-partition of the router’s logits, unweighted, smoothed: growth means ever larger logits.',
}

/** The parts of the loss that are not the cross-entropy. */
export function routerLossPanels(arms: readonly Arm[]): Figure[] {
  const names = new Set(arms.flatMap((arm) => arm.runs.flatMap((run) => [...run.series.losses.keys()])))
  return present(
    [...names]
      .filter((name) => name !== 'crossEntropy')
      .toSorted()
      .slice(0, 9)
      .map((name) =>
        panel({
          id: `loss-${name}`,
          title: name === 'z' ? 'Router z-loss' : `${name.slice(0, 1).toUpperCase()}${name.slice(1)} loss`,
          caption: lossCaptions[name] ?? `The part “${name}” of the loss, unweighted, smoothed.`,
          yTitle: 'Unweighted value',
          curves: armCurves(arms, (run) => run.losses.get(name) ?? [], { smoothing: 0.02 }),
          ...(name === 'balance' && { options: { reference: 1 } }),
        }),
      ),
  )
}

/** The mean over layers at each step. */
const overLayers =
  (pick: (layer: LayerRouting) => Series) =>
  (run: RunSeries): Series =>
    meanSeries(run.layers.map(pick))

function routingCurves(arms: readonly Arm[], pick: (layer: LayerRouting) => Series): Curve[] {
  const only = arms.length === 1 ? arms[0]?.runs[0] : undefined
  if (!only || only.series.layers.length > 16) return armCurves(arms, overLayers(pick), { smoothing: 0.02 })
  return only.series.layers.map((layer, i) => ({
    arm: i,
    label: `layer ${layer.layer}`,
    points: smoothed(finite(pick(layer)), 0.02),
    weight: 'main',
  }))
}

/** Entropy, MaxVio and drops of the load. */
export function balancePanels(arms: readonly Arm[]): Figure[] {
  const byLayer = arms.length === 1
  const scope = byLayer ? 'one curve per mixture layer' : 'mean over mixture layers'
  const routed = arms.filter((arm) => arm.runs.some(({ series }) => series.layers.length > 0))
  const asked = routed.length > 0 && routed.every((arm) => routingUnit(arm.runs[0]!.series) === 'question')
  const options = { endLabels: byLayer, ...(asked && { xTitle: 'Questions' }) }
  const drops = arms.some((arm) =>
    arm.runs.some((run) => run.series.layers.some((l) => l.dropped.some((p) => p.value > 0))),
  )
  return present([
    panel({
      id: 'entropy',
      title: 'Load entropy',
      caption: `Entropy of the load over its maximum, ${scope}, smoothed: 1 is perfect balance, 0 is everything at one member.`,
      yTitle: 'Normalised entropy',
      curves: routingCurves(arms, (layer) => layer.entropy),
      options: { ...options, reference: 1 },
    }),
    panel({
      id: 'max-violation',
      title: 'MaxVio',
      caption: `The busiest member’s load over the mean, minus one, ${scope}, smoothed: 0 is perfect balance, 1 means that one member does twice its share.`,
      yTitle: 'max ÷ mean − 1',
      curves: routingCurves(arms, (layer) => layer.maxViolation),
      options: { ...options, zero: true },
    }),
    drops
      ? panel({
          id: 'dropped',
          title: 'Dropped',
          caption: `Share of routed pairs that a capacity limit dropped, ${scope}, smoothed.`,
          yTitle: 'Share dropped',
          curves: routingCurves(arms, (layer) => layer.dropped),
          options: { ...options, zero: true },
        })
      : undefined,
  ])
}
