// A fixed number of things of which each serves one call at a time; calls wait in order.

export interface Pool<T> {
  /** The next free one. @throws the signal's reason when it is aborted while waiting */
  take(signal: AbortSignal): Promise<T>
  give(one: T): void
}

export function createPool<T>(all: readonly T[]): Pool<T> {
  const free = [...all]
  const waiting: ((one: T) => void)[] = []
  return {
    take(signal) {
      signal.throwIfAborted()
      const one = free.shift()
      if (one !== undefined) return Promise.resolve(one)
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          waiting.splice(waiting.indexOf(receive), 1)
          reject(signal.reason as Error)
        }
        const receive = (given: T): void => {
          signal.removeEventListener('abort', leave)
          resolve(given)
        }
        waiting.push(receive)
        signal.addEventListener('abort', leave, { once: true })
      })
    },
    give(one) {
      const next = waiting.shift()
      if (next) next(one)
      else free.push(one)
    },
  }
}
