// Secrets are never part of a request, but providers repeat them ("Incorrect API key provided: sk-…"), and a user may have
// put one into a prompt. Whatever leaves a call is cleaned of the values that were handed out.
import { fromJson, toJson } from '@mixlab/core'

/** Shorter values are placeholders ("none", "EMPTY"), and words of ordinary texts. */
const shortest = 8

/** Replaces every secret in a text; texts may be JSON. */
export function scrub(text: string, secrets: ReadonlySet<string>): string {
  for (const secret of secrets) {
    if (secret.length < shortest) continue
    text = text.replaceAll(secret, '[secret]')
    const escaped = JSON.stringify(secret).slice(1, -1)
    if (escaped !== secret) text = text.replaceAll(escaped, '[secret]')
  }
  return text
}

/** Plain data with every secret in its texts replaced; the same object where there was none. */
export function scrubData<T>(data: T, secrets: ReadonlySet<string>): T {
  if (secrets.size === 0) return data
  const text = toJson(data)
  const clean = scrub(text, secrets)
  return clean === text ? data : (fromJson(clean) as T)
}
