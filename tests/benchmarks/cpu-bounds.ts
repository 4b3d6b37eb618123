// What the CPU engine is bound to, and whether it holds: judged with AVX-512 at the highest thread count that was run.
import type { Row } from './cpu-report.ts'

export interface Bound {
  readonly workload: string
  readonly quantity: string
  readonly limit: number
  readonly atLeast: boolean
  readonly isa: Row['isa']
  readonly precision: Row['precision']
  readonly threads: number
  readonly value: number | null
  /** null: shown without a verdict. */
  readonly met: boolean | null
}

interface Requirement {
  readonly workload: string
  readonly quantity: string
  readonly limit: number
  readonly atLeast: boolean
  readonly of: (row: Row) => number | null
}

const ratio = ({ ratio: value }: Row) => value
const speedUp = ({ speedUp: value }: Row) => value

const requirements: readonly Requirement[] = [
  { workload: 'matmul-512', quantity: "PyTorch's rate", limit: 0.95, atLeast: true, of: ratio },
  { workload: 'matmul-1024', quantity: "PyTorch's rate", limit: 0.95, atLeast: true, of: ratio },
  { workload: 'nanogpt-step', quantity: "PyTorch's time", limit: 0.85, atLeast: false, of: ratio },
  { workload: 'olmoe-step', quantity: "Hugging Face's time", limit: 0.65, atLeast: false, of: ratio },
  { workload: 'plain-mixture-step', quantity: 'as fast as tfjs-node', limit: 5, atLeast: true, of: speedUp },
  { workload: 'mixture-step', quantity: 'as fast as tfjs-node', limit: 12, atLeast: true, of: speedUp },
  {
    workload: 'decode',
    quantity: 'time to read its weights',
    limit: 1.5,
    atLeast: false,
    of: ({ overFloor }) => overFloor,
  },
]

export function boundsOf(rows: readonly Row[]): Bound[] {
  const highest = Math.max(...rows.map(({ threads }) => threads))
  const best = rows.some(({ isa }) => isa === 'amx') ? 'amx' : 'avx512'
  return requirements.flatMap(({ of, ...requirement }) =>
    rows
      .filter(({ workload }) => workload === requirement.workload)
      .map((row) => {
        const { isa, precision, threads } = row
        const value = of(row)
        const judged = value !== null && isa === best && threads === highest
        const met = requirement.atLeast ? value! >= requirement.limit : value! <= requirement.limit
        return { ...requirement, isa, precision, threads, value, met: judged ? met : null }
      }),
  )
}
