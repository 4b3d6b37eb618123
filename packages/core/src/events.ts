// Everything that happens in a run is one discriminated union. Events carry plain JSON data, never live tensors.
// A plugin adds its own by augmenting `MixlabEvents`. What comes from a clock or from the machine's state stands under
// `time` and `timing`, so that the rest of two runs with one seed can be compared byte for byte.

export interface MixlabEvents {
  'run.started': {
    readonly experiment: string
    readonly config: unknown
    readonly seed: number
    readonly engine: string
    /** Of matrix products; absent without tensors. */
    readonly precision?: string
    /** For a child run: what its parent calls it. */
    readonly name?: string
  }
  /** The run goes on after an interruption; events that follow replace those of `step` and later. */
  'run.resumed': { readonly step: number }
  'run.finished': {
    readonly status: 'finished' | 'failed' | 'interrupted'
    readonly result?: Readonly<Record<string, unknown>>
    readonly error?: string
  }
  'child.started': { readonly name: string; readonly child: string; readonly index: number; readonly total?: number }
  'child.finished': {
    readonly name: string
    readonly child: string
    readonly status: 'finished' | 'failed' | 'interrupted'
  }
  'train.started': {
    readonly parameters: number
    /** Parameters that one token passes through. */
    readonly activeParameters: number
    readonly steps: number
    readonly tokensPerStep: number
    readonly layers?: number
    readonly data?: {
      readonly description: string
      /** SHA-256 of the documents. */
      readonly hash: string
      readonly vocabulary: number
      /** Tokens. */
      readonly training: number
      readonly validation: number
    }
  }
  'train.step': {
    /** 1-based: the number of optimizer steps done. */
    readonly step: number
    /** What was minimised: cross-entropy plus the weighted router losses. */
    readonly loss: number
    /** The loss's parts, unweighted: `crossEntropy`, `balance`, `z`, … */
    readonly losses: Readonly<Record<string, number>>
    readonly learningRate: number
    /** Global gradient norm before clipping. */
    readonly gradientNorm: number
    /** Tokens seen so far. */
    readonly tokens: number
    readonly timing?: { readonly tokensPerSecond: number; readonly secondsLeft: number; readonly bytes: number }
  }
  'mixture.routing': {
    readonly step: number
    /** Index of the mixture layer, or of the agents' layer. */
    readonly layer: number
    readonly router: string
    readonly members: readonly string[]
    /** Share of the routed pairs that each member received; sums to 1 (0 where nothing was routed). */
    readonly load: readonly number[]
    /** Entropy of `load` divided by log(members): 1 is perfect balance. */
    readonly entropy: number
    /** max(load) / mean(load) − 1. */
    readonly maxViolation: number
    /** Share of the pairs that a capacity limit dropped. */
    readonly dropped: number
  }
  'eval.result': {
    /** The step at which the model was evaluated. */
    readonly step: number
    readonly evaluator: string
    readonly metrics: Readonly<Record<string, number>>
    readonly matrices?: Readonly<Record<string, LabelledMatrix>>
  }
  'checkpoint.saved': { readonly step: number; readonly path: string }
  'artifact.logged': { readonly path: string; readonly title: string }
  warning: { readonly message: string }
  /** A line for people: progress of something that is not training. */
  note: { readonly message: string }
  'subscriber.failed': { readonly subscriber: string; readonly message: string }
}

/** A matrix with names for its rows and columns: an evaluator's table or heat map. */
export interface LabelledMatrix {
  readonly title: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** values[row][column]; null where undefined. */
  readonly values: readonly (readonly (number | null)[])[]
  readonly rowTitle?: string
  readonly columnTitle?: string
  /** The value that means "nothing special", e.g. k/E for domain specialisation. */
  readonly baseline?: number
}

export type EventType = keyof MixlabEvents & string

interface EventHeader {
  /** The run's id. */
  readonly run: string
  /** Counts a run's events from 0 without gaps. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly time: number
}

export type EventOf<T extends EventType> = { [K in T]: { readonly type: K } & EventHeader & MixlabEvents[K] }[T]
export type RunEvent = EventOf<EventType>
export type Emit = <T extends EventType>(type: T, data: MixlabEvents[T]) => void
