// What MLflow allows in the names and values that it is given (mlflow/utils/validation.py).

const longestName = 250
const longestParameter = 6000
const longestTag = 5000

/** A metric's or parameter's name: letters, digits, `_-. /`; a path that stays where it is. */
export function nameFor(name: string): string {
  const parts = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\w/. -]/g, '_')
    .split('/')
    .filter((part) => part !== '' && part !== '.' && part !== '..')
  return parts.join('/').slice(0, longestName).replace(/\/+$/, '') || '_'
}

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`)

export const parameterFor = (value: string): string => cut(value, longestParameter)
export const tagFor = (value: string): string => cut(value, longestTag)
