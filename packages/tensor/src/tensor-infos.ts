// TensorFlow.js's engine looks up for every tensor that is made or freed which backend has its data, in a weak map keyed by
// the data's id. The same kept on the ids themselves costs a tenth and nothing at a garbage collection.
import { engine } from './engine-inside.ts'

type Infos = typeof engine.state.tensorInfo
type Info = NonNullable<ReturnType<Infos['get']>>

const info = Symbol('tensor info')

interface Id {
  [info]?: Info | undefined
}

class TensorInfos implements Infos {
  /** What was noted before. */
  readonly #earlier: Infos | undefined
  readonly [Symbol.toStringTag] = 'WeakMap'

  constructor(earlier: Infos | undefined) {
    this.#earlier = earlier
  }

  get(id: Id): Info | undefined {
    return id[info] ?? this.#earlier?.get(id)
  }

  has(id: Id): boolean {
    return id[info] !== undefined || (this.#earlier?.has(id) ?? false)
  }

  set(id: Id, value: Info): this {
    id[info] = value
    return this
  }

  delete(id: Id): boolean {
    const known = this.has(id)
    id[info] = undefined
    this.#earlier?.delete(id)
    return known
  }
}

const { state } = engine
state.tensorInfo = new TensorInfos(state.numDataBuffers > 0 ? state.tensorInfo : undefined)
