// Names of fields and headers that hold secrets. Configurations are written into run directories: there they are refused.

const secretName =
  /^(x-)?(api|auth|access|session|secret|private)?[-_]?(key|token|secret|password|passwd|credentials?|authorization|cookie)$|^(proxy-authorization|access[-_]?key[-_]?id|secret[-_]?access[-_]?key|[\w-]*api[-_]?key|x-[\w-]*(key|token|secret))$/i

export const isSecretName = (name: string): boolean => secretName.test(name)

/** The dotted path of the first field, however deep, whose name is a secret's. */
export function secretField(value: unknown, path = ''): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, inner] of Object.entries(value)) {
    const here = path === '' ? name : `${path}.${name}`
    if (isSecretName(name)) return here
    const found = secretField(inner, here)
    if (found !== undefined) return found
  }
  return undefined
}
