// Ctrl-C. The first asks the run to save its state and end; the second ends the process at once. Package managers pass
// the terminal's signal on to a process that the terminal has already told: two within a tenth of a second are one.

const ECHO_MS = 100
const EXIT: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 }

export interface Interruption extends Disposable {
  readonly signal: AbortSignal
}

/** Listens for SIGINT and SIGTERM until disposed. @param onFirst called when the first one arrives */
export function listenForInterruption(onFirst?: (signal: string) => void): Interruption {
  const controller = new AbortController()
  let first: number | undefined
  const listener = (name: NodeJS.Signals) => {
    const now = performance.now()
    if (first === undefined) {
      first = now
      onFirst?.(name)
      controller.abort()
    } else if (now - first > ECHO_MS) {
      process.exit(EXIT[name] ?? 1)
    }
  }
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', listener)
      process.off('SIGTERM', listener)
    },
  }
}
