// Configurations are amended, not copied: an experiment takes the transformer's schema and states what is different about
// its own defaults. Field by field, so that setting one field later (`--set model.layers=2`) keeps the others.
import { z } from 'zod'
import { MixlabError } from './errors.ts'
import { suggest } from './near-misses.ts'

type Defaults<T> = {
  readonly [K in keyof T]?: T[K] extends Readonly<Record<string, unknown>> ? Defaults<T[K]> | T[K] : T[K]
}

/** The object schema inside `.default()`, `.prefault()` and the like, if there is one. */
function objectInside(schema: z.core.$ZodType): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema
  const inner = (schema._zod.def as { innerType?: z.core.$ZodType }).innerType
  const wrapsObject = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
  return wrapsObject && inner ? objectInside(inner) : undefined
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * `schema` with other defaults for some of its fields; nested objects are amended field by field.
 * The result accepts `undefined` as `{}`.
 * @throws MixlabError when a default is given for a field that the schema does not have.
 */
export function withDefaults<S extends z.ZodObject>(schema: S, defaults: Defaults<z.input<S>>): z.ZodPrefault<S> {
  const shape: Record<string, z.core.$ZodType> = { ...schema.shape }
  for (const [name, value] of Object.entries(defaults)) {
    const field = shape[name] as z.ZodType | undefined
    if (field === undefined)
      throw new MixlabError(`withDefaults: there is no field ${name}.${suggest(name, Object.keys(shape))}`)
    const nested = isPlainObject(value) ? objectInside(field) : undefined
    // `prefault`, so that an object given as a default has its own fields' defaults filled in, too.
    const described = nested ? withDefaults(nested, value) : unwrapped(field).prefault(value as never)
    shape[name] = field.description === undefined ? described : described.describe(field.description)
  }
  return schema.clone({ ...schema._zod.def, shape: shape }).prefault({} as never)
}

/** Drops an outer default, so that two do not stack. */
function unwrapped(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? unwrapped(schema._zod.def.innerType as z.ZodType)
    : schema
}
