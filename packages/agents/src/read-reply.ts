// Reading what an agent was asked to end its reply with. What is not there is undefined: callers have a fixed rule for it
// and record that it was needed.

/** What stands in the last double brackets, e.g. `[[7]]`, without white space around it. */
export const lastBracketed = (text: string): string | undefined =>
  [...text.matchAll(/\[\[([^[\]]*)\]\]/g)].at(-1)?.[1]?.trim()

/** A number in the last double brackets, within the bounds. */
export function bracketedNumber(text: string, low: number, high: number): number | undefined {
  const found = lastBracketed(text)
  const value = found === undefined || found === '' ? Number.NaN : Number(found)
  return value >= low && value <= high ? value : undefined
}

/** The first JSON object in a text, e.g. in a code block or between sentences. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  for (let start = text.indexOf('{'); start >= 0; start = text.indexOf('{', start + 1)) {
    const end = closing(text, start)
    if (end === undefined) continue
    try {
      return JSON.parse(text.slice(start, end + 1)) as Readonly<Record<string, unknown>>
    } catch {
      // Braces of a sentence or of code: look further.
    }
  }
  return undefined
}

/** Where the brace at `start` is closed; braces in strings do not count. */
function closing(text: string, start: number): number | undefined {
  let depth = 0
  let quoted = false
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (quoted) {
      if (character === '\\') at++
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === '{') depth++
    else if (character === '}' && --depth === 0) return at
  }
  return undefined
}
