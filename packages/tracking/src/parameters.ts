// A configuration as flat parameters: `model.mixture.router.k` = `2`.

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined'))

/** Every field by dotted path, as text; lists whole, as JSON; an empty object as `{}`. */
export function parametersOf(config: unknown, prefix = ''): [name: string, value: string][] {
  const nested =
    typeof config === 'object' && config !== null && !Array.isArray(config) && Object.keys(config).length > 0
  if (!nested) return prefix === '' ? [] : [[prefix, text(config)]]
  return Object.entries(config).flatMap(([name, value]) =>
    parametersOf(value, prefix === '' ? name : `${prefix}.${name}`),
  )
}
