// JSON as Python's json module writes and reads it, which is what a journal and its distributions are made of: floats keep
// their point (`1.0`), non-finite numbers are the bare words NaN, Infinity and -Infinity, and text is pure ASCII.

/** A float as Python's repr: the same shortest digits as JavaScript's, an exponent below 1e-4 and from 1e16 on. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa, power] = value.toExponential().split('e') as [string, string]
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, '0')
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`
  }
  // Within these bounds JavaScript writes plain digits, except for numbers below 1e-6, which are excluded above.
  const plain = String(value)
  return plain.includes('.') ? plain : `${plain}.0`
}

export const pythonString = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const pythonNumber = (value: number): string =>
  Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : pythonFloat(value)

/**
 * What `json.dumps(value, separators=(comma, colon))` gives. Whole numbers become Python's integers. As with
 * JSON.stringify, fields that are undefined are left out, undefined elements are null, and `toJSON` is obeyed.
 */
export function pythonJson(value: unknown, comma = ',', colon = ':'): string {
  const plain = typeof value === 'object' && value !== null && 'toJSON' in value ? toPlain(value) : value
  switch (typeof plain) {
    case 'number':
      return pythonNumber(plain)
    case 'bigint':
      return String(plain)
    case 'boolean':
      return String(plain)
    case 'string':
      return pythonString(plain)
    case 'object': {
      if (plain === null) return 'null'
      if (Array.isArray(plain)) return `[${plain.map((item) => pythonJson(item, comma, colon)).join(comma)}]`
      const fields = Object.entries(plain).filter(([, field]) => field !== undefined && typeof field !== 'function')
      const texts = fields.map(([key, field]) => `${pythonString(key)}${colon}${pythonJson(field, comma, colon)}`)
      return `{${texts.join(comma)}}`
    }
    default:
      return 'null'
  }
}

const toPlain = (value: { toJSON?: unknown }): unknown =>
  typeof value.toJSON === 'function' ? (value.toJSON as () => unknown)() : value

const mark = '\0float:'
const words: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity }

/**
 * Reads what Python wrote.
 * @throws SyntaxError on anything else
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error
    // Strings are matched first, so that a word within one stays as it is.
    const marked = text.replaceAll(/"(?:[^"\\]|\\.)*"|NaN|-?Infinity/g, (token) =>
      token.startsWith('"') ? token : JSON.stringify(mark + token),
    )
    return JSON.parse(marked, (_key, value: unknown) =>
      typeof value === 'string' && value.startsWith(mark) ? words[value.slice(mark.length)] : value,
    ) as unknown
  }
}
