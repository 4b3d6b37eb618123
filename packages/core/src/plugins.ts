// A plugin is data plus a factory. Kinds are open: the package that owns a domain adds its kind to `PluginKinds` by
// module augmentation, and from then on every definition and lookup by that kind is typed.
//
//   declare module '@mixlab/core' {
//     interface PluginKinds { router: { instance: Router; context: RouterContext } }
//   }
//   export const defineRouter = pluginHelper('router')
import { z } from 'zod'
import { parseConfiguration } from './configuration.ts'
import { MixlabError } from './errors.ts'
import type { RandomStream } from './random.ts'
import type { Resolved, TokenMap } from './tokens.ts'

/** Kind → what a plugin's factory returns (`instance`) and what it is given (`context`). Augment it to add a kind. */
// oxlint-disable-next-line typescript/no-empty-object-type -- open by design
export interface PluginKinds {}

export type Kind = keyof PluginKinds & string
export type InstanceOf<K extends Kind> = PluginKinds[K] extends { instance: infer I } ? I : never
export type ContextOf<K extends Kind> = (PluginKinds[K] extends { context: infer C } ? C : object) & {
  /** This instance's own random numbers. */
  readonly rng: RandomStream
}

export interface Plugin<K extends Kind = Kind> {
  readonly kind: K
  readonly name: string
  readonly summary: string
  /** The paper or implementation it follows. */
  readonly source?: string
  readonly config: z.ZodType
  /** Services from the run's container that the factory receives under these names. */
  readonly needs: TokenMap
  /** Facts about the plugin that tools show or check, e.g. `{ causal: false }`. */
  readonly traits: Readonly<Record<string, string | number | boolean>>
  create(config: unknown, context: never): InstanceOf<K>
}

export interface PluginDefinition<K extends Kind, S extends z.ZodType, N extends TokenMap> {
  /** Lower case, words joined by hyphens; unique within its kind. */
  readonly name: string
  /** One sentence. */
  readonly summary: string
  readonly source?: string
  /** Schema of its configuration; an object schema. Unknown fields are refused. */
  readonly config?: S
  readonly needs?: N
  readonly traits?: Readonly<Record<string, string | number | boolean>>
  create(config: z.output<S>, context: ContextOf<K> & Resolved<N>): InstanceOf<K>
}

const empty = z.strictObject({})

/** Defines a plugin of any kind; the kinds' own helpers (`defineRouter`, …) are this with the kind filled in. */
export function definePlugin<
  K extends Kind,
  S extends z.ZodType = typeof empty,
  N extends TokenMap = Record<never, never>,
>(kind: K, definition: PluginDefinition<K, S, N>): Plugin<K> {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(definition.name)) {
    throw new MixlabError(
      `${kind} "${definition.name}": a plugin's name is lower-case words joined by hyphens, e.g. my-${kind}`,
    )
  }
  const schema: z.ZodType = definition.config ?? empty
  return {
    kind,
    name: definition.name,
    summary: definition.summary,
    ...(definition.source !== undefined && { source: definition.source }),
    config: schema instanceof z.ZodObject ? schema.strict() : schema,
    needs: definition.needs ?? {},
    traits: definition.traits ?? {},
    create: (config, context) => definition.create(config as z.output<S>, context),
  }
}

/** `defineRouter = pluginHelper('router')`. */
export const pluginHelper =
  <K extends Kind>(kind: K) =>
  <S extends z.ZodType = typeof empty, N extends TokenMap = Record<never, never>>(
    definition: PluginDefinition<K, S, N>,
  ): Plugin<K> =>
    definePlugin<K, S, N>(kind, definition)

export const isPlugin = (value: unknown): value is Plugin =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  'create' in value &&
  'summary' in value &&
  typeof value.create === 'function'

/** How a configuration names a plugin: `"top-k"` or `{ name: "top-k", k: 2 }`. */
export type PluginReference = string | ({ readonly name: string } & Readonly<Record<string, unknown>>)

/** The schema of a field that names a plugin; its own fields are checked against the plugin's schema when it is made. */
export const pluginReference = z.union([z.string(), z.looseObject({ name: z.string() })])

/** The name and the plugin's own fields of a reference. */
export function splitReference(reference: PluginReference): { name: string; config: Record<string, unknown> } {
  if (typeof reference === 'string') return { name: reference, config: {} }
  const { name, ...config } = reference
  return { name, config }
}

/** Looks plugins up by kind and name, and makes instances of them. What a run offers; the lab implements it over its container. */
export interface PluginTable {
  /** @throws MixlabError with near misses when there is none of that name. */
  find<K extends Kind>(kind: K, name: string): Plugin<K>
  list<K extends Kind>(kind?: K): readonly Plugin<K>[]
  /**
   * Validates the reference's fields, resolves what the plugin needs and calls its factory.
   * @throws MixlabError on an unknown name or a field that does not fit the plugin's schema.
   */
  create<K extends Kind>(kind: K, reference: PluginReference, context: ContextOf<K>): InstanceOf<K>
}

/** Validates a reference's own fields against the plugin's schema and fills in defaults. */
export const pluginConfiguration = (plugin: Plugin, config: Readonly<Record<string, unknown>>): unknown =>
  parseConfiguration(plugin.config, config, `${plugin.kind} ${plugin.name}`)
