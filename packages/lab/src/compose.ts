// A fresh container for every run: a singleton of a shared parent that was first resolved through one run would keep that
// run's bindings. InversifyJS without decorators (Node strips types, and decorators do not survive that); everything is
// bound by typed token, in this order: the run's services, the default plugins, the experiment's own, the modules.
import { type BindToFluentSyntax, Container, type ServiceIdentifier } from 'inversify'
import { MixlabError, type Plugin, type PluginTable, type Token, tokenName } from '@mixlab/core'
import { createPluginTable } from './plugin-table.ts'
import type { EventSink } from './sinks.ts'
import { DEFAULT_PLUGIN, PLUGIN, PLUGINS, SINK } from './tokens.ts'

/** What a module binds with. Everything is a singleton of the run unless it says otherwise. */
export interface Binder {
  bind<T>(id: Token<T>): BindToFluentSyntax<T>
  /** Replaces what is bound. */
  rebind<T>(id: Token<T>): BindToFluentSyntax<T>
  unbind<T>(id: Token<T>): void
  isBound<T>(id: Token<T>): boolean
}

/** A user's own bindings: `({ rebind }) => { rebind(CLOCK).toConstantValue(fakeClock) }`. */
export type LabModule = (binder: Binder) => void | Promise<void>

export interface Composition {
  /** Services of the run, bound as they are. */
  readonly services: readonly Service[]
  readonly defaults: readonly Plugin[]
  readonly plugins: readonly Plugin[]
  readonly modules: readonly LabModule[]
  readonly warn?: (message: string) => void
}

export interface Service<T = unknown> {
  readonly id: Token<T>
  readonly value: T
}

/** A token and its value, with matching types. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- forgets the type once it is checked
export const service = <T>(id: Token<T>, value: T): Service => ({ id, value })

/** A run's container; ends with the run, closing what the container made (`onDeactivation`). */
export interface RunContainer extends AsyncDisposable {
  readonly plugins: PluginTable
  readonly sinks: readonly EventSink[]
  /** @throws MixlabError when nothing is bound to it. */
  resolve<T>(id: Token<T>): T
}

const nameOf = (id: symbol): string => tokenName(id)
const identifier = <T>(id: Token<T>): ServiceIdentifier<T> => id

function binderOf(container: Container): Binder {
  return {
    bind: <T>(id: Token<T>) => container.bind<T>(identifier(id)),
    rebind: <T>(id: Token<T>) => container.rebind<T>(identifier(id)),
    unbind: (id) => container.unbind(identifier(id)),
    isBound: (id) => container.isBound(identifier(id)),
  }
}

/** @throws MixlabError when two of the experiment's plugins have one kind and name. */
export async function composeRun(composition: Composition): Promise<RunContainer> {
  const container = new Container({ defaultScope: 'Singleton' })
  const resolve = <T>(id: Token<T>): T => resolveFrom(container, id)
  for (const { id, value } of composition.services) container.bind(identifier(id)).toConstantValue(value)
  for (const plugin of composition.defaults) container.bind(identifier(DEFAULT_PLUGIN)).toConstantValue(plugin)
  for (const plugin of composition.plugins) container.bind(identifier(PLUGIN)).toConstantValue(plugin)
  container.bind<PluginTable>(identifier(PLUGINS)).toResolvedValue(
    (defaults: Plugin[], own: Plugin[]) =>
      createPluginTable({ defaults, own, resolve, ...(composition.warn && { warn: composition.warn }) }),
    [
      { serviceIdentifier: identifier(DEFAULT_PLUGIN), isMultiple: true },
      { serviceIdentifier: identifier(PLUGIN), isMultiple: true },
    ],
  )
  for (const module of composition.modules) await module(binderOf(container))
  return {
    plugins: resolve(PLUGINS),
    sinks: container.isBound(SINK) ? await container.getAllAsync<EventSink>(identifier(SINK)) : [],
    resolve,
    [Symbol.asyncDispose]: () => container.unbindAllAsync(),
  }
}

function resolveFrom<T>(container: Container, id: Token<T>): T {
  if (!container.isBound(identifier(id))) {
    throw new MixlabError(`nothing is bound to ${nameOf(id)}: bind it in a module of the experiment`, {
      code: 'unbound',
    })
  }
  try {
    return container.get<T>(identifier(id))
  } catch (error) {
    if (error instanceof Error && error.name === 'InversifyCoreError') {
      throw new MixlabError(`cannot resolve ${nameOf(id)}: ${error.message.split('\n')[0]}`, {
        code: 'unbound',
        cause: error,
      })
    }
    throw error
  }
}
