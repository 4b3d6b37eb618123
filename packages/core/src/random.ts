// Counter-based random numbers: Philox 4×32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// A draw is a pure function of (seed, stream, step, index), so that a resumed run continues with the same draws, and a
// stream does not move when another one is used more. Engines implement the same function for draws on the device.

const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85

export type PhiloxKey = readonly [low: number, high: number]
export type PhiloxBlock = readonly [number, number, number, number]

/** The upper 32 bits of a 32×32-bit product. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16
  const aLow = a & 0xffff
  const bHigh = b >>> 16
  const bLow = b & 0xffff
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  return (aHigh * bHigh + Math.floor(middle / 65536) + (((middle & 0xffff) + aLow * bHigh) >>> 16)) >>> 0
}

/** One block: four uint32 words from a 128-bit counter and a 64-bit key, ten rounds. */
export function philox4x32(counter: PhiloxBlock, key: PhiloxKey): PhiloxBlock {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(M0, c0)
    const low0 = Math.imul(M0, c0) >>> 0
    const high1 = multiplyHigh(M1, c2)
    const low1 = Math.imul(M1, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + W0) >>> 0
    k1 = (k1 + W1) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** 64 bits of FNV-1a over the UTF-8 bytes of `text`, as two uint32 words. */
function hash64(text: string): PhiloxKey {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return [Number(hash & 0xffffffffn), Number(hash >> 32n)]
}

/**
 * A named stream of random numbers. Immutable but for its position: `at(step)` and `stream(name)` give new streams that
 * start at their beginning. Uniforms have 24 random bits, as float32 holds.
 */
export class RandomStream {
  /** What a device-side kernel draws with: element i uses word i mod 4 of block ⌊i/4⌋ + offset. */
  readonly key: PhiloxKey
  readonly path: string
  #step: number
  #index = 0
  #block: PhiloxBlock = [0, 0, 0, 0]
  readonly #seed: number

  constructor(seed: number, path = '', step = 0) {
    this.#seed = seed
    this.path = path
    this.#step = step
    const [low, high] = hash64(`${seed}/${path}/${step}`)
    this.key = philox4x32([low, high, 0, 0], [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]).slice(
      0,
      2,
    ) as unknown as PhiloxKey
  }

  get seed(): number {
    return this.#seed
  }

  /** The stream of that name below this one. */
  stream(name: string): RandomStream {
    return new RandomStream(this.#seed, this.path === '' ? name : `${this.path}/${name}`, this.#step)
  }

  /** This stream's draws for one step: independent of how many were drawn for another. */
  at(step: number): RandomStream {
    return new RandomStream(this.#seed, this.path, step)
  }

  /** The next uint32. */
  word(): number {
    const lane = this.#index & 3
    if (lane === 0) {
      const block = Math.floor(this.#index / 4)
      this.#block = philox4x32([block >>> 0, Math.floor(block / 2 ** 32), 0, 0], this.key)
    }
    this.#index++
    return this.#block[lane]!
  }

  /** The next uniform number in [0, 1). */
  uniform(): number {
    return (this.word() >>> 8) * 2 ** -24
  }

  /** The next integer in [0, bound), without modulo bias (Lemire's method by rejection). */
  integer(bound: number): number {
    if (!(Number.isSafeInteger(bound) && bound > 0 && bound <= 2 ** 32))
      throw new RangeError(`integer(bound): bound is ${bound}, expected 1 … 2^32`)
    const limit = 2 ** 32 - (2 ** 32 % bound)
    let word = this.word()
    while (word >= limit) word = this.word()
    return word % bound
  }

  /** The next standard normal number (Box–Muller; two uniforms each). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return radius * Math.cos(2 * Math.PI * this.uniform())
  }

  /** `count` standard normal numbers, float32; both halves of each Box–Muller pair are used. */
  normals(count: number): Float32Array {
    const values = new Float32Array(count)
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
      const angle = 2 * Math.PI * this.uniform()
      values[i] = radius * Math.cos(angle)
      if (i + 1 < count) values[i + 1] = radius * Math.sin(angle)
    }
    return values
  }

  /** A uniformly drawn order of `items`; the argument is left as it is. */
  shuffled<T>(items: readonly T[]): T[] {
    return this.shuffle([...items])
  }

  /** Puts `items` into a uniformly drawn order, in place (Fisher–Yates). */
  shuffle<L extends Int32Array | unknown[]>(items: L): L {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const held = items[i]
      items[i] = items[j]
      items[j] = held
    }
    return items
  }
}
