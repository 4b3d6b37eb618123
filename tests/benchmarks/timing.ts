// Medians, and how a function is timed: until all that it asked for is computed.
import { runningBackend } from '@mixlab/engine-cpu'

/**
 * Worker threads take some tenths of a second to start, in which a small workload would be over; and V8 compiles what it
 * runs often for some dozen steps, on the same processors.
 */
const warmMilliseconds = 3000

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

export function medianMilliseconds(run: () => void, { warm, count }: { warm: number; count: number }): number {
  const synchronize = () => runningBackend()?.synchronize()
  const begun = performance.now()
  for (let i = 0; i < warm || performance.now() - begun < warmMilliseconds; i++) run()
  synchronize()
  const times = Array.from({ length: count }, () => {
    const start = performance.now()
    run()
    synchronize()
    return performance.now() - start
  })
  return median(times)
}
