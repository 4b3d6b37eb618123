// A trial's identity: what it computes is settled by its resolved configuration and its seed, whatever order the fields were
// given in and whoever asked for it.
import { createHash } from 'node:crypto'

/** JSON with fields in order of their names (by UTF-16 unit) and without those that are undefined, as RFC 8785 has it. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if ('toJSON' in value && typeof value.toJSON === 'function') return canonical((value.toJSON as () => unknown)())
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`
}

/** 16 hexadecimal digits (64 bits) of the SHA-256 of the resolved configuration and the seed. */
export const configurationHash = (configuration: unknown, seed: number): string =>
  createHash('sha256').update(canonical({ configuration, seed })).digest('hex').slice(0, 16)
