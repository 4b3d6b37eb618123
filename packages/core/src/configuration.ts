// Validated configuration. Schemas are zod's; what is added is the one clear line for a person: the field's path, its
// type and range, and the near misses of an unknown name. The command line's `--set a.b=c` and, later, a sweep's
// dimensions go through the same two functions.
import { z } from 'zod'
import { MixlabError } from './errors.ts'
import { suggest } from './near-misses.ts'

export type Configuration = Readonly<Record<string, unknown>>

/** A field as people see it in `mixlab plugins show` and in error messages. */
export interface FieldDescription {
  readonly path: string
  readonly type: string
  readonly default?: unknown
  readonly description?: string
}

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly default?: unknown
  readonly description?: string
}

const jsonSchema = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as JsonSchema

function range(schema: JsonSchema): string {
  const low = schema.minimum ?? schema.exclusiveMinimum
  const high = schema.maximum ?? schema.exclusiveMaximum
  const bound = (value: number | undefined) => value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER
  const open = schema.exclusiveMinimum !== undefined && schema.minimum === undefined ? '>' : '≥'
  const close = schema.exclusiveMaximum !== undefined && schema.maximum === undefined ? '<' : '≤'
  return [bound(low) ? `${open} ${low}` : '', bound(high) ? `${close} ${high}` : ''].filter(Boolean).join(' and ')
}

function typeName(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return [...new Set(choices.map(typeName))].join(' | ')
  if (Array.isArray(schema.type)) return schema.type.join(' | ')
  if (schema.type === 'array') return `list of ${schema.items ? typeName(schema.items) : 'anything'}`
  if (schema.type === 'number' || schema.type === 'integer')
    return [schema.type, range(schema)].filter(Boolean).join(' ')
  return typeof schema.type === 'string' ? schema.type : 'anything'
}

function fieldsOf(schema: JsonSchema, prefix: string): FieldDescription[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    if (field.properties) return fieldsOf(field, path)
    const described = {
      path,
      type: typeName(field),
      ...(field.default !== undefined && { default: field.default }),
      ...(field.description !== undefined && { description: field.description }),
    }
    // `null` or an object: the object's fields can be set, too.
    const choices = (field.anyOf ?? field.oneOf ?? []).filter((choice) => choice.type !== 'null')
    const only = choices.length === 1 ? choices[0] : undefined
    return only?.properties ? [described, ...fieldsOf(only, path)] : [described]
  })
}

/** Every field of an object schema, nested ones by dotted path, with type, range, default and description. */
export const describeFields = (schema: z.ZodType): FieldDescription[] => fieldsOf(jsonSchema(schema), '')

function schemaAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  if (path.length === 0) return schema
  const [head, ...rest] = path
  const next =
    typeof head === 'number'
      ? schema.items
      : (schema.properties?.[String(head)] ??
        (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined))
  if (next) return schemaAt(next, rest)
  for (const choice of schema.anyOf ?? schema.oneOf ?? []) {
    const found = schemaAt(choice, path)
    if (found) return found
  }
  return undefined
}

const shown = (value: unknown): string => {
  const text = typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  )

const propertyNames = (schema: JsonSchema): string[] => [
  ...Object.keys(schema.properties ?? {}),
  ...(schema.anyOf ?? schema.oneOf ?? []).flatMap(propertyNames),
]

function explain(issue: z.core.$ZodIssue, schema: JsonSchema, value: unknown): string {
  const path = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    const at = schemaAt(schema, issue.path)
    const key = issue.keys[0] ?? ''
    return `unknown field ${path === '' ? key : `${path}.${key}`}.${suggest(key, at ? propertyNames(at) : [])}`
  }
  const at = schemaAt(schema, issue.path)
  const expected = at && typeName(at) !== 'anything' ? typeName(at) : undefined
  const given = valueAt(value, issue.path)
  const where = path === '' ? 'the configuration' : path
  if (given === undefined) return `${where} is missing (expected ${expected ?? issue.message})`
  const custom = issue.code === 'custom' || expected === undefined || (typeof given === 'object' && given !== null)
  return custom ? `${where}: ${issue.message}` : `${where} is ${shown(given)}, expected ${expected}`
}

/**
 * Validates `value` and fills in defaults.
 * @throws MixlabError naming `subject`, the first field that is wrong, its type and range.
 */
export function parseConfiguration<S extends z.ZodType>(schema: S, value: unknown, subject: string): z.output<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = mostSpecific(result.error.issues)
  throw new MixlabError(`${subject}: ${explain(issue, jsonSchema(schema), value)}`, { code: 'invalid-configuration' })
}

/** A union reports one issue that hides its branches' own; the branch that got furthest says more. */
function mostSpecific(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  const first = issues[0]!
  if (first.code !== 'invalid_union') return first
  const inner = first.errors
    .map((branch) => branch[0])
    .filter((issue): issue is z.core.$ZodIssue => issue !== undefined && issue.path.length > 0)
    .toSorted((a, b) => b.path.length - a.path.length)[0]
  return inner ? { ...mostSpecific([inner]), path: [...first.path, ...inner.path] } : first
}

/** Text from a command line as a value: JSON where it parses (numbers, true, null, lists, objects), else the text. */
export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/**
 * A copy of `base` with the assignments `a.b=c` made in it.
 * @throws MixlabError on an assignment without `=` or one that passes through something that is not an object.
 */
export const withAssignments = (base: Configuration, assignments: readonly string[]): Configuration =>
  withFields(
    base,
    assignments.map((assignment) => {
      const at = assignment.indexOf('=')
      if (at <= 0) throw new MixlabError(`--set ${assignment}: expected field=value, e.g. --set training.steps=500`)
      return [assignment.slice(0, at), parseValue(assignment.slice(at + 1)), `--set ${assignment}`]
    }),
  )

/**
 * A copy of `base` with values at dotted paths, set in order. A plugin named by a string (`router: 'top-k'`) becomes an
 * object when one of its fields is set (`router.k`).
 * @param fields path, value and what messages call it (the path by default)
 * @throws MixlabError on a path that passes through something that is not an object.
 */
export function withFields(
  base: Configuration,
  fields: readonly (readonly [path: string, value: unknown, label?: string])[],
): Configuration {
  const result = structuredClone(base) as Record<string, unknown>
  for (const [dotted, value, label = dotted] of fields) {
    const path = dotted.split('.')
    let target = result
    for (const name of path.slice(0, -1)) {
      const held = target[name]
      const next = typeof held === 'string' ? { name: held } : (held ?? {})
      if (typeof next !== 'object' || Array.isArray(next)) {
        throw new MixlabError(`${label}: ${name} is ${shown(held)} and has no fields`)
      }
      target[name] = next
      target = next as Record<string, unknown>
    }
    target[path.at(-1)!] = value
  }
  return result
}
