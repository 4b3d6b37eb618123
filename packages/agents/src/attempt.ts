// One try of one request, with an end: first piece, pause between pieces and the whole each have their time, and what
// grows without end is cut. The model is told by its signal, but not relied on: a deaf one is left behind, and what it
// still says or throws later goes nowhere.
import type { RandomStream } from '@mixlab/core'
import type { Timeouts } from './calling-config.ts'
import { ChatFailure } from './chat-failure.ts'
import type { ChatModel, ChatReply, ChatRequest, RateLimits } from './chat-model.ts'
import type { Clock } from './clock.ts'
import { PieceLog, type RecordedPieces } from './pieces.ts'

export interface Attempt {
  readonly reply?: ChatReply
  /** Neither it nor a reply: the signal was aborted. */
  readonly failure?: ChatFailure
  readonly firstTokenMs?: number
  readonly durationMs: number
  readonly pieces?: RecordedPieces
  /** What had come when it ended without a reply. */
  readonly partial: string
}

export interface AttemptOptions {
  readonly model: ChatModel
  readonly request: ChatRequest
  readonly signal: AbortSignal
  readonly timeouts: Timeouts
  readonly clock: Clock
  readonly onRateLimits: (limits: RateLimits) => void
  readonly rng: RandomStream
}

/** Four times what was asked for, at 4 bytes a token; a few tokens may be long. */
const mostBytes = ({ maxTokens }: ChatRequest): number => (maxTokens === undefined ? 4 << 20 : 4096 + 16 * maxTokens)

/** Tries once. @throws what the model threw that is neither a ChatFailure nor its signal's reason: a defect */
export const attempt = ({
  model,
  request,
  signal,
  timeouts,
  clock,
  onRateLimits,
  rng,
}: AttemptOptions): Promise<Attempt> =>
  new Promise((resolve, reject) => {
    const begun = clock.now()
    const controller = new AbortController()
    const streamed = model.supports.streaming
    const log = new PieceLog()
    let firstAt: number | undefined
    let latestAt = begun
    let over = false
    let cancelTimer: () => void = () => undefined
    let close: () => void = () => undefined

    const finish = (): void => {
      over = true
      cancelTimer()
      signal.removeEventListener('abort', giveUp)
      close()
    }
    const end = (result: { readonly reply: ChatReply } | { readonly failure: ChatFailure } | object): void => {
      if (over) return
      finish()
      const reply = 'reply' in result ? result.reply : undefined
      resolve({
        ...result,
        durationMs: clock.now() - begun,
        ...(firstAt !== undefined && { firstTokenMs: firstAt - begun }),
        ...(reply && streamed && { pieces: log.for(reply) }),
        partial: reply ? '' : log.text,
      })
    }
    const abandon = (failure: ChatFailure): void => {
      end({ failure })
      controller.abort(failure)
    }
    const giveUp = (): void => {
      end({})
      controller.abort(signal.reason)
    }
    const thrown = (error: unknown): void => {
      if (over) return
      if (ChatFailure.is(error)) return end({ failure: error })
      finish()
      reject(error as Error)
    }

    const watch = (): void => {
      const phase = !streamed ? undefined : firstAt === undefined ? timeouts.firstTokenSeconds : timeouts.idleSeconds
      const phaseEnd = phase === undefined ? Infinity : latestAt + phase * 1000
      const wholeEnd = begun + timeouts.totalSeconds * 1000
      const left = Math.min(phaseEnd, wholeEnd) - clock.now()
      if (left > 0) cancelTimer = clock.after(left, watch)
      else if (wholeEnd <= phaseEnd) abandon(timeout(`no end of the reply within ${timeouts.totalSeconds} s`))
      else if (firstAt === undefined) abandon(timeout(`no reply within ${timeouts.firstTokenSeconds} s`))
      else abandon(timeout(`no further piece of the reply for ${timeouts.idleSeconds} s`))
    }

    const options = { signal: controller.signal, onRateLimits, rng }
    const consume = async (): Promise<void> => {
      const iterator = model.stream(request, options)[Symbol.asyncIterator]()
      close = () => {
        Promise.resolve(iterator.return?.()).catch(() => undefined)
      }
      const most = mostBytes(request)
      for (let bytes = 0; ;) {
        const { done, value } = await iterator.next()
        if (over) return
        if (done === true) throw new ChatFailure('truncated', 'the stream ended before the reply was finished')
        if (value.type === 'reply') return end({ reply: value.reply })
        latestAt = clock.now()
        log.add(value, latestAt - begun)
        if (firstAt === undefined) {
          firstAt = latestAt
          cancelTimer()
          watch()
        }
        // Empty pieces count too: a stream of nothing else never lets a timer run.
        bytes += 1 + Buffer.byteLength(value.text)
        if (bytes > most) {
          const asked =
            request.maxTokens === undefined ? 'no limit was asked for' : `${request.maxTokens} tokens were asked for`
          return abandon(new ChatFailure('endless', `cut after ${bytes} bytes of reply: ${asked}`))
        }
      }
    }

    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    watch()
    const made = streamed
      ? consume()
      : Promise.resolve().then(async () => end({ reply: await model.generate(request, options) }))
    made.catch(thrown)
  })

const timeout = (message: string): ChatFailure => new ChatFailure('timeout', message)
