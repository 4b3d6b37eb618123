// What calls cost. Unknown is not zero: a sum with an unknown part says that it is a lower bound.

export interface Cost {
  /** Tokens; where the provider told none, they are estimated and `estimated` is true. */
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly outputTokens: number
  readonly reasoningTokens: number
  readonly estimated: boolean
  /** Money for what was sent, by the provider's own cache discount; 0 for what a recording gave. Absent: no price known. */
  readonly billed?: number
  /** Money as if nothing had been cached, neither by the provider nor in a recording. Absent: no price known. */
  readonly logical?: number
  readonly currency?: string
  /** In a sum: some part has no known price, so that `billed` and `logical` are at least this much. */
  readonly lowerBound?: true
}
