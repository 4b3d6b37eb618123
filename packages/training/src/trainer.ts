// The training loop. Its outline is in `train`: take a step, hand its readings over, and every so often evaluate, save and
// look whether to stop. A run can be stopped at any moment and goes on from its last checkpoint bit for bit: batches and
// random numbers are functions of (seed, step), and everything else is in the checkpoint.
import { setImmediate } from 'node:timers/promises'
import {
  type Emit,
  type EventType,
  interrupted,
  metricsOf,
  MixlabError,
  type MixlabEvents,
  parseConfiguration,
  type RunContext,
} from '@mixlab/core'
import { type Corpus, createBatches, fixedBatches } from '@mixlab/data'
import type { LanguageModel } from '@mixlab/nn'
import { currentPrecision, tf } from '@mixlab/tensor'
import type { z } from 'zod'
import { type Averages, createAverages } from './averages.ts'
import { type FileContent, listCheckpoints, readCheckpoint, saveCheckpoint } from './checkpoint.ts'
import { type TrainingConfig, trainingConfig } from './config.ts'
import { createEarlyStopping, type EarlyStoppingState } from './early-stopping.ts'
import { checkpointsFolder, evaluate } from './evaluation.ts'
import { checkMemory } from './memory-needed.ts'
import { createOptimizer } from './optimizers.ts'
import { Readings } from './readings.ts'
import { learningRateAt } from './schedules.ts'
import { readInto, tensorFile, withTensors } from './state-files.ts'
import { trainStep } from './step.ts'
import { emitStep, readStep, saveBatch } from './step-report.ts'
import { lossMetrics, meanLoss } from './validation.ts'

/** How many steps the host runs ahead of the values it has seen. */
const readAhead = 2

export interface TrainingOptions {
  readonly model: LanguageModel
  readonly corpus: Corpus
  readonly config?: z.input<typeof trainingConfig>
}

/** Plain data, as a run's result must be. */
// oxlint-disable-next-line typescript/consistent-type-definitions -- an interface would not be a Record
export type TrainingResult = {
  /** Steps done. */
  readonly steps: number
  /** The last step's loss. */
  readonly loss: number
  /** At the end; null without validation data. */
  readonly validationLoss: number | null
  readonly bestValidationLoss: number | null
  readonly bestStep: number | null
  readonly tokens: number
  readonly stoppedEarly: boolean
}

type Progress = Omit<TrainingResult, 'steps' | 'tokens'>

/** What `state.json` holds beside the step. */
interface TrainingState {
  readonly seed: number
  /** Of matrix products; absent in checkpoints from before there was a choice. */
  readonly precision?: string
  readonly config: TrainingConfig
  readonly data: Readonly<Record<string, unknown>>
  readonly progress: Progress
  readonly earlyStopping: EarlyStoppingState | null
}

/** What must be the same for a checkpoint to continue bit for bit; what does not matter for that may change. */
function checkContinues(
  path: string,
  saved: TrainingState,
  now: Pick<TrainingState, 'seed' | 'precision' | 'config' | 'data'>,
): void {
  const { steps: _a, stopAt: _e, evaluation: _b, checkpoint: _c, log: _d, ...before } = saved.config
  const relevant = new Map<string, [unknown, unknown]>([
    ['the seed', [saved.seed, now.seed]],
    ['the precision', [saved.precision ?? 'float32', now.precision]],
    ...Object.keys(saved.data).map((key): [string, [unknown, unknown]] => [
      `the data's ${key}`,
      [saved.data[key], now.data[key]],
    ]),
    ...Object.keys(before).map((key): [string, [unknown, unknown]] => [
      `training.${key}`,
      [before[key as keyof typeof before], now.config[key as keyof TrainingConfig]],
    ]),
  ])
  for (const [name, [was, is]] of relevant) {
    const [a, b] = [JSON.stringify(was), JSON.stringify(is)]
    if (a === b) continue
    throw new MixlabError(`cannot resume from ${path}: ${name} was ${a}, is now ${b}; start a new run instead`, {
      code: 'other-run',
    })
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Seconds spent on steps: evaluation and saving do not count as training time. */
function stopwatch() {
  let before = 0
  let started = performance.now()
  return {
    seconds: () => before + (performance.now() - started) / 1000,
    /** Leaves out what `body` takes. */
    async without(body: () => Promise<void>): Promise<void> {
      before += (performance.now() - started) / 1000
      await body()
      started = performance.now()
    },
  }
}

/**
 * Trains `model` on `corpus` and leaves the last parameters in it. In a resumed run it goes on from the last checkpoint.
 * Emits `train.started`, `train.step`, `mixture.routing`, `eval.result` (evaluator `validation`) and `checkpoint.saved`.
 * @throws MixlabError if the configuration, the data or the memory do not fit, the loss is not finite (the batch is saved), a
 * checkpoint cannot be saved or read, or the run was interrupted (its state is saved).
 */
export async function train(run: RunContext, options: TrainingOptions): Promise<TrainingResult> {
  const { model, corpus } = options
  const config = parseConfiguration(trainingConfig, options.config ?? {}, 'training')
  const contextLength = config.contextLength ?? model.contextLength
  if (contextLength > model.contextLength) {
    throw new MixlabError(
      `training.contextLength is ${contextLength}, more than the model's context of ${model.contextLength}`,
    )
  }
  checkMemory(model, config, contextLength)
  const { batchSize, accumulation, steps } = config
  const end = Math.min(steps, config.stopAt ?? steps)
  const batches = createBatches(corpus.train, {
    batchSize,
    contextLength,
    accumulation,
    sampling: config.sampling,
    rng: run.rng.stream('batches'),
  })
  const validation =
    corpus.validation.tokens.length > 0
      ? fixedBatches(corpus.validation, { batches: config.evaluation.batches, batchSize, contextLength })
      : []
  const tokensPerStep = batchSize * accumulation * contextLength
  const parameters = model.parameters()

  using cleanup = new DisposableStack()
  const optimizer = cleanup.use(createOptimizer(config.optimizer, parameters))
  const averages: Averages | null = config.ema === null ? null : cleanup.use(createAverages(model, config.ema))
  const data = {
    hash: corpus.hash,
    vocabulary: corpus.tokenizer.size,
    training: corpus.train.tokens.length,
    validation: corpus.validation.tokens.length,
  }
  run.emit('train.started', {
    parameters: sum([...parameters.values()].map((parameter) => parameter.size)),
    activeParameters: model.activeParameters,
    steps,
    tokensPerStep,
    layers: model.mixtures.length,
    data: { description: corpus.describe(), ...data },
  })
  for (const message of model.warnings) run.emit('warning', { message })

  const identity = {
    seed: run.seed,
    precision: currentPrecision().name,
    config,
    data,
  }
  const root = checkpointsFolder(run)
  let step = 0
  let saved = 0
  let progress: Progress = {
    loss: NaN,
    validationLoss: null,
    bestValidationLoss: null,
    bestStep: null,
    stoppedEarly: false,
  }
  let stopping = config.earlyStopping && createEarlyStopping(config.earlyStopping)
  const last = run.resumed ? listCheckpoints(root).at(-1)?.path : undefined
  const from = last ?? config.start
  if (from !== null) {
    const checkpoint = readCheckpoint(from)
    // Its hash says that it is as `save` below wrote it.
    const state = checkpoint.state as TrainingState
    if (last !== undefined) checkContinues(from, state, identity)
    withTensors(checkpoint.source('model.safetensors'), (tensors) => {
      model.checkState(tensors)
      readInto(optimizer.state(), checkpoint.source('optimizer.safetensors'), from)
      if (averages) readInto(averages.state(), checkpoint.source('ema.safetensors'), from)
      checkpoint.verify()
      // The model is the caller's: it is touched when every file is known to be good.
      model.loadState(tensors)
    })
    step = checkpoint.step
    // What it begins with belongs to another run: it is saved again as its own.
    saved = last === undefined ? 0 : step
    // JSON has no NaN.
    progress = { ...state.progress, loss: state.progress.loss ?? NaN, stoppedEarly: false }
    if (last !== undefined) {
      progress = { ...progress, stoppedEarly: state.progress.stoppedEarly }
      if (config.earlyStopping && state.earlyStopping) {
        stopping = createEarlyStopping(config.earlyStopping, state.earlyStopping)
      }
      run.emit('run.resumed', { step })
    }
  }

  let stop = progress.stoppedEarly
  const emit: Emit = <T extends EventType>(type: T, data: MixlabEvents[T]) => {
    run.emit(type, data)
    if (stopping?.observe(metricsOf(type, data))) stop = true
  }

  const observed = { plugins: run.plugins, directory: run.directory, rng: run.rng, emit, ready: () => run.ready() }

  const save = async (): Promise<void> => {
    if (saved === step) return
    const files: Record<string, FileContent> = {
      'model.safetensors': tensorFile(model.state()),
      'optimizer.safetensors': tensorFile(optimizer.state()),
      ...(averages && { 'ema.safetensors': tensorFile(averages.state()) }),
      'tokenizer.json': JSON.stringify(corpus.tokenizer),
      ...(model.config !== undefined && { 'model.json': JSON.stringify(model.config) }),
    }
    const state: TrainingState = { ...identity, progress, earlyStopping: stopping?.state ?? null }
    const { path } = await saveCheckpoint(root, step, files, state, config.checkpoint.keep)
    saved = step
    emit('checkpoint.saved', { step, path: path.slice(run.directory.path.length + 1) })
  }

  const validate = async (): Promise<void> => {
    if (validation.length > 0) {
      const loss = await meanLoss(model, validation)
      const averaged = averages && (await averages.inPlace(() => meanLoss(model, validation)))
      const best = progress.bestValidationLoss
      const better = Number.isFinite(loss) && (best === null || loss < best)
      progress = { ...progress, validationLoss: loss, ...(better && { bestValidationLoss: loss, bestStep: step }) }
      const metrics = { ...lossMetrics(loss, corpus.validation), ...(averaged !== null && { averagedLoss: averaged }) }
      emit('eval.result', { step, evaluator: 'validation', metrics })
    }
    const { evaluators } = config.evaluation
    if (evaluators.length > 0) await evaluate(observed, { model, corpus, step, evaluators, batchSize, contextLength })
    if (stopping && !stopping.seen && config.earlyStopping) {
      const { metric } = config.earlyStopping
      run.emit('warning', { message: `early stopping: no event has carried the metric ${metric} so far` })
    }
  }

  const readings = new Readings()
  const clock = stopwatch()
  /** The last step that was logged, and when it was done. */
  let logged = { step, seconds: 0 }
  while (step < end && !stop) {
    const current = ++step
    const learningRate = learningRateAt(config.schedule, config.learningRate, current - 1, steps)
    const observe = current % config.log.every === 0 || current === end
    const rng = run.rng.stream('training')
    const result = trainStep({
      model,
      batches,
      optimizer,
      step: current,
      accumulation,
      learningRate,
      clip: config.clip,
      rng,
      observe,
    })
    averages?.update()
    // Values arrive some steps later: the time of a step is that of its end, not of its report.
    const seconds = clock.seconds()
    readings.add([result.scalars, ...result.routings.map(({ offsets }) => offsets)], async (values) => {
      const read = readStep(result, values)
      progress = { ...progress, loss: read.loss }
      const finite = Number.isFinite(read.loss) && Number.isFinite(read.gradientNorm)
      if (observe || !finite) {
        const rate = ((current - logged.step) * tokensPerStep) / (seconds - logged.seconds)
        const secondsLeft = ((end - current) * tokensPerStep) / rate
        logged = { step: current, seconds }
        const timing = { tokensPerSecond: rate, secondsLeft, bytes: tf.memory().numBytes }
        emitStep(emit, read, { step: current, learningRate, tokens: current * tokensPerStep, timing })
      }
      if (!finite && config.stopOnNaN) {
        const about = { loss: String(read.loss), gradientNorm: String(read.gradientNorm), learningRate }
        const path = await saveBatch(run, { corpus, batches, step: current, micros: accumulation, about })
        const what = Number.isFinite(read.loss) ? 'gradient norm' : 'loss'
        throw new MixlabError(
          `training: the ${what} is not finite at step ${current}; the batch is in ${run.directory.file(path)}; try a lower learningRate (${config.learningRate}) or more warm-up`,
          { code: 'not-finite' },
        )
      }
    })
    const evaluating = step === end || (config.evaluation.every !== null && step % config.evaluation.every === 0)
    const saving = step === end || (config.checkpoint.every !== null && step % config.checkpoint.every === 0)
    // What follows speaks of this step: its own values come first, and a checkpoint never holds what was not looked at.
    const settle = evaluating || saving || run.signal.aborted || (stopping !== null && observe)
    await readings.deliver(settle ? 0 : readAhead)
    await clock.without(async () => {
      if (evaluating || stop) await validate()
      if (stop) progress = { ...progress, stoppedEarly: step < end }
      if (saving || stop) await save()
    })
    await run.ready()
    // Signals and subscribers have their turn between steps.
    await setImmediate()
    if (run.signal.aborted && step < end && !stop) {
      await readings.deliver()
      await save()
      throw interrupted(`interrupted at step ${step} of ${steps}; the state is saved`)
    }
  }
  await readings.deliver()
  return { steps: step, ...progress, tokens: step * tokensPerStep }
}
