// Where each recorded call is: its file, offset and length, and three ways to it. Texts stay on the disk: a call costs a
// few hundred bytes here, whatever was said in it.
import type { LineHead } from './recorded-call.ts'
import type { Amount } from './budget.ts'

export interface Place {
  readonly file: number
  readonly offset: number
  readonly length: number
}

export interface Found {
  readonly kind: LineHead['kind']
  /** Made for the call that looks for it. */
  readonly own: boolean
  readonly place: Place
}

const none = -1

export class RecordingIndex {
  readonly #kinds: LineHead['kind'][] = []
  readonly #keys: string[] = []
  readonly #calls: string[] = []
  readonly #places: Place[] = []
  /** The line before of the same call, in a chain. */
  readonly #previous: number[] = []
  readonly #latest = new Map<string, number>()
  /** The first reply of each key; the latest failure where there is none. */
  readonly #byKey = new Map<string, number>()
  readonly #aliases = new Map<number, string>()
  readonly #spent = new Map<string, Amount>()

  get size(): number {
    return this.#places.length
  }

  add(head: LineHead, place: Place): void {
    const i = this.#places.length
    this.#kinds.push(head.kind)
    this.#keys.push(head.key)
    this.#calls.push(head.call)
    this.#places.push(place)
    this.#previous.push(this.#latest.get(head.call) ?? none)
    this.#latest.set(head.call, i)
    if (head.kind === 'alias') this.#aliases.set(i, head.from!)
    if (head.kind === 'reply' || head.kind === 'failure') {
      const held = this.#byKey.get(head.key)
      if (held === undefined || this.#kinds[held] === 'failure') this.#byKey.set(head.key, i)
    }
    const spent = this.#spent.get(head.arm)
    this.#spent.set(head.arm, { tokens: (spent?.tokens ?? 0) + head.tokens, money: (spent?.money ?? 0) + head.money })
  }

  /** What that very call came to, its request being the same. */
  ofCall(call: string, key: string): Found | undefined {
    const i = this.#find(call, key)
    if (i === none) return undefined
    const from = this.#aliases.get(i)
    if (from === undefined) return { kind: this.#kinds[i]!, own: true, place: this.#places[i]! }
    const other = this.#find(from, key)
    return other === none ? undefined : { kind: this.#kinds[other]!, own: false, place: this.#places[other]! }
  }

  /** What a request came to, whoever made it. */
  ofKey(key: string): (Found & { readonly call: string }) | undefined {
    const i = this.#byKey.get(key)
    return i === undefined
      ? undefined
      : { kind: this.#kinds[i]!, own: false, place: this.#places[i]!, call: this.#calls[i]! }
  }

  /** The last that was recorded of that call, whatever its request. */
  latest(call: string): Place | undefined {
    let i = this.#latest.get(call) ?? none
    while (i !== none && this.#kinds[i] === 'alias') i = this.#previous[i]!
    return this.#places[i]
  }

  /** What was spent by the arms that are meant. */
  spent(isMeant: (arm: string) => boolean): Amount {
    let [tokens, money] = [0, 0]
    for (const [arm, amount] of this.#spent) {
      if (!isMeant(arm)) continue
      tokens += amount.tokens
      money += amount.money
    }
    return { tokens, money }
  }

  *places(): Generator<Place> {
    for (const [i, place] of this.#places.entries()) if (this.#kinds[i] !== 'alias') yield place
  }

  #find(call: string, key: string): number {
    let i = this.#latest.get(call) ?? none
    while (i !== none && this.#keys[i] !== key) i = this.#previous[i]!
    return i
  }
}
