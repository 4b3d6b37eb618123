// The engine registry. An engine is a TensorFlow.js backend plus a description of what it can do. Engines are loaded by
// name when they are first asked for, so that a script that never uses one never loads its libraries.
import { MixlabError, suggest } from '@mixlab/core'
import { installReferences } from './catalogue.ts'
import type { Availability, Engine, RunningEngine } from './engine.ts'
import { currentPrecision } from './precision.ts'
import { referenceEngine } from './reference-engine.ts'
import { tf } from './tf.ts'

export interface EngineRegistration {
  readonly name: string
  readonly summary: string
  /** Higher is tried first by `auto`. Default 0. */
  readonly preference?: number
  load(): Promise<Engine>
}

const registrations = new Map<string, EngineRegistration>()
const running = new Map<string, RunningEngine>()

/** Makes an engine known under its name; it replaces one of the same name that has not been started. */
export function registerEngine(registration: EngineRegistration): void {
  registrations.set(registration.name, registration)
}

const byPreference = (): EngineRegistration[] =>
  [...registrations.values()].toSorted((a, b) => (b.preference ?? 0) - (a.preference ?? 0))

/** Names of the registered engines, in the order in which `auto` tries them. */
export const engineNames = (): string[] => byPreference().map(({ name }) => name)

/** Each registered engine and whether it can run here. An engine whose loading fails is not available. */
export async function probeEngines(): Promise<{ name: string; summary: string; availability: Availability }[]> {
  return Promise.all(
    byPreference().map(async (registration) => ({
      name: registration.name,
      summary: registration.summary,
      availability: await probe(registration),
    })),
  )
}

async function probe(registration: EngineRegistration): Promise<Availability> {
  try {
    return await (await registration.load()).available()
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * Starts an engine, or goes back to it if it was started before, and makes its backend the active one of TensorFlow.js.
 * Operations of the catalogue that it has no kernel for run as references.
 * @param name a registered name, or `auto`: the first that is available, in order of preference.
 * @throws MixlabError if the name is unknown (with near misses) or the engine cannot run here (with the reason).
 */
export async function useEngine(name: string = 'auto'): Promise<RunningEngine> {
  const registration = name === 'auto' ? await firstAvailable() : registrations.get(name)
  if (!registration) {
    throw new MixlabError(
      `Unknown engine ${JSON.stringify(name)}.${suggest(name, ['auto', ...registrations.keys()])}`,
      {
        code: 'unknown-engine',
      },
    )
  }
  const engine = running.get(registration.name) ?? (await start(registration))
  if (!(await tf.setBackend(engine.backendName))) {
    throw new MixlabError(`Engine ${registration.name}: its backend ${engine.backendName} did not start`, {
      code: 'engine-unavailable',
    })
  }
  installReferences(engine.backendName)
  running.set(registration.name, engine)
  return engine
}

/** The engine whose backend is TensorFlow.js's active one; undefined for a backend that no engine here has started. */
export const activeEngine = (): RunningEngine | undefined =>
  [...running.values()].find(({ backendName }) => backendName === tf.getBackend())

async function firstAvailable(): Promise<EngineRegistration> {
  const reasons: string[] = []
  for (const registration of byPreference()) {
    const availability = await probe(registration)
    if (availability.ok) return registration
    reasons.push(`${registration.name}: ${availability.reason}`)
  }
  throw new MixlabError(`No engine can run here (${reasons.join('; ')})`, { code: 'engine-unavailable' })
}

async function start(registration: EngineRegistration): Promise<RunningEngine> {
  const availability = await probe(registration)
  if (!availability.ok) {
    throw new MixlabError(`Engine ${registration.name} cannot run here: ${availability.reason}`, {
      code: 'engine-unavailable',
    })
  }
  return (await registration.load()).start({ precision: currentPrecision })
}

registerEngine({
  name: 'reference',
  summary: "TensorFlow.js's own JavaScript kernels and the reference compositions: slow, the oracle of the others",
  preference: -1,
  load: async () => referenceEngine,
})
