// A run's event stream: one RxJS Subject that nobody else sees. What others get is an Observable that first replays what
// a late subscriber needs (how the run and its training started, and the most recent events), then goes on live.
// Subscribers cannot hurt a run: an exception in one is reported as an event, and an event emitted by a subscriber is
// delivered after the current one, so that all see one order.
import { config as rxjs, Observable, Subject } from 'rxjs'
import { type Emit, type EventType, MixlabError, type RunEvent } from '@mixlab/core'
import { type EventSink, type SinkLimits, sinkLimits, SinkQueue } from './sinks.ts'

/** How many of the latest events a late subscriber is given. */
const RECENT = 1000
const OPENING: ReadonlySet<EventType> = new Set(['run.started', 'run.resumed', 'train.started'])
/** A run that never lets go of the thread would never see Ctrl-C: `ready` lets timers and signals in this often. */
const BREATHE_MS = 20

/** Buses that are open, the innermost run's last. */
const open: EventBus[] = []

/** RxJS hands over what a subscriber threw without saying whose it was; the innermost open run reports it. */
function reportToRun(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  const bus = open.at(-1)
  if (bus) bus.emit('subscriber.failed', { subscriber: 'subscription', message })
  else process.emitWarning(`an event subscriber failed: ${message}`)
}

export interface EventBusOptions {
  /** The run's id. */
  readonly run: string
  /** The parent run's bus: its sinks that want children's events get this run's, too. */
  readonly parent?: EventBus
  /** Called first with each event, synchronously: the log. */
  readonly record?: (event: RunEvent) => void
  /** What the recorder failed with, checked between steps. */
  readonly failure?: () => unknown
  readonly limits?: Partial<SinkLimits>
}

export class EventBus implements AsyncDisposable {
  /** What subscribers get: opening events, recent events, then live ones; completes when the run has ended. */
  readonly events: Observable<RunEvent>
  readonly #options: EventBusOptions
  readonly #limits: SinkLimits
  readonly #subject = new Subject<RunEvent>()
  readonly #pending: RunEvent[] = []
  #opening: RunEvent[] = []
  #recent: RunEvent[] = []
  #sinks: SinkQueue[] = []
  #sequence = 0
  #delivering = false
  #closed = false
  #lastBreath = performance.now()

  constructor(options: EventBusOptions) {
    this.#options = options
    this.#limits = { ...sinkLimits, ...options.limits }
    this.events = new Observable((subscriber) => {
      // A subscriber may emit while it is being caught up: go on until it has seen all.
      let next = 0
      for (let missed = this.#since(next); missed.length > 0; missed = this.#since(next)) {
        for (const event of missed) subscriber.next(event)
        next = missed.at(-1)!.sequence + 1
      }
      return this.#subject.subscribe(subscriber)
    })
    rxjs.onUnhandledError ??= reportToRun
    open.push(this)
  }

  readonly emit: Emit = (type, data) => {
    if (this.#closed) return
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the header completes the data of `type`
    const event = {
      type,
      run: this.#options.run,
      sequence: this.#sequence++,
      time: Date.now(),
      ...data,
    } as unknown as RunEvent
    this.#pending.push(event)
    if (this.#delivering) return
    this.#delivering = true
    try {
      for (let first = this.#pending.shift(); first; first = this.#pending.shift()) this.#deliver(first)
    } finally {
      this.#delivering = false
    }
  }

  /** Adds a sink; it is given everything from the first event, where it is attached before the run starts. */
  attach(sink: EventSink): void {
    const queue = new SinkQueue(sink, this.#limits, (failed, message) =>
      this.emit('subscriber.failed', { subscriber: failed.name, message }),
    )
    this.#sinks.push(queue)
    for (const event of this.#since(0)) queue.push(event)
  }

  /**
   * Resolves when no sink that must keep everything is far behind; lets timers and signals be handled now and then.
   * @throws MixlabError when the log or such a sink cannot be written.
   */
  async ready(): Promise<void> {
    if (performance.now() - this.#lastBreath > BREATHE_MS) {
      await new Promise((resolve) => setImmediate(resolve))
      this.#lastBreath = performance.now()
    }
    const failure = this.#options.failure?.()
    if (failure !== undefined) throw failure
    for (const queue of this.#sinks) await queue.ready()
    await this.#options.parent?.ready()
  }

  /**
   * Ends the stream: every sink has written what it was given when this resolves.
   * @throws MixlabError when a sink that must keep everything could not.
   */
  async close(): Promise<void> {
    if (this.#closed) return
    // Sinks that may fail first, so that the others can still be told.
    const lossy = this.#sinks.filter(({ sink }) => sink.mustKeep !== true)
    await Promise.all(lossy.map((queue) => queue.close()))
    const kept = await Promise.allSettled(
      this.#sinks.filter(({ sink }) => sink.mustKeep === true).map((queue) => queue.close()),
    )
    this.#closed = true
    open.splice(open.indexOf(this), 1)
    this.#subject.complete()
    const failure = this.#options.failure?.()
    if (failure !== undefined) throw failure
    for (const result of kept) if (result.status === 'rejected') throw asError(result.reason)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #deliver(event: RunEvent): void {
    this.#options.record?.(event)
    if (OPENING.has(event.type)) this.#opening.push(event)
    this.#recent.push(event)
    if (this.#recent.length >= 2 * RECENT) this.#recent = this.#recent.slice(-RECENT)
    for (const queue of this.#sinks) queue.push(event)
    this.#options.parent?.deliverChild(event)
    this.#subject.next(event)
  }

  /** Passes a child run's event to the sinks that want it. */
  deliverChild(event: RunEvent): void {
    for (const queue of this.#sinks) if (queue.sink.children === true) queue.push(event)
    this.#options.parent?.deliverChild(event)
  }

  #since(sequence: number): RunEvent[] {
    const recent = this.#recent.slice(-RECENT)
    const first = recent[0]?.sequence ?? 0
    return [...this.#opening.filter((event) => event.sequence < first), ...recent].filter(
      (event) => event.sequence >= sequence,
    )
  }
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new MixlabError(String(reason)))
