// What the server would refuse is refused here, before anything is sent, with the name in the message. The rules and the
// limits are those of mlflow/utils/validation.py (3.17); they are counted in code points, as Python's `len` does.
import { invalid } from './errors.ts'

export const limits = {
  keyLength: 250,
  paramValueLength: 6000,
  tagValueLength: 8000,
  experimentNameLength: 500,
  experimentTagValueLength: 20_000,
  modelTagValueLength: 100_000,
  datasetNameLength: 500,
  datasetDigestLength: 36,
  /** Of one `log-batch` request. */
  batch: { metrics: 1000, params: 100, tags: 100, items: 1000, bytes: 1_000_000 },
} as const

const codePoints = (text: string): number => Array.from(text).length

export const checkLength = (what: string, text: string, limit: number): void => {
  if (text.length > limit && codePoints(text) > limit)
    throw invalid(
      `${what} has ${codePoints(text)} characters, MLflow takes at most ${limit}; shorten it: "${text.slice(0, 40)}…"`,
    )
}

/** A metric's, parameter's or tag's key: letters, digits and `_ - . : / space`, and as a path equal to itself. */
export const checkKey = (what: string, key: string): void => {
  if (key === '') throw invalid(`a ${what}'s key is empty; give it a name`)
  if (!/^[/\p{L}\p{N}_.\- :]*$/u.test(key))
    throw invalid(
      `the ${what} key "${key}" has characters that MLflow refuses; use letters, digits, and _ - . : / and spaces`,
    )
  const segments = key.split('/')
  if (key.startsWith('..') || segments.some((segment) => ['', '.', '..'].includes(segment)))
    throw invalid(`the ${what} key "${key}" is not a plain path; leave out "//", ".", ".." and slashes at either end`)
  checkLength(`the ${what} key`, key, limits.keyLength)
}

export const checkTag = (key: string, value: string, limit: number = limits.tagValueLength): void => {
  checkKey('tag', key)
  checkLength(`the value of the tag "${key}"`, value, limit)
}

export const checkTags = (tags: Readonly<Record<string, string>> | undefined, limit?: number): void => {
  for (const [key, value] of Object.entries(tags ?? {})) checkTag(key, value, limit)
}

export const checkExperimentName = (name: string): void => {
  if (name === '') throw invalid('an experiment needs a name that is not empty')
  checkLength('the experiment name', name, limits.experimentNameLength)
}

/**
 * An artifact's path below its run, with `/` between its parts, normalised. The empty path is the run's folder itself.
 * What would leave that folder is refused, as is `#`, which no MLflow server takes.
 */
export const artifactPath = (path: string): string => {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  const fault = path.startsWith('/')
    ? 'starts with "/"'
    : segments.includes('..')
      ? 'leaves the run\'s folder by ".."'
      : /[\\#]/.test(path)
        ? 'has a "\\" or "#" in it'
        : // oxlint-disable-next-line no-control-regex
          /[\u0000-\u001f\u007f]/.test(path)
          ? 'has control characters'
          : // The server decodes a path before it looks at it, until nothing changes.
            /%[0-9a-fA-F]{2}/.test(path)
            ? 'has a percent sign before two hexadecimal digits, which the server would decode'
            : undefined
  if (fault !== undefined)
    throw invalid(`the artifact path "${path}" ${fault}; give a plain path relative to the run's artifacts`)
  return segments.join('/')
}
