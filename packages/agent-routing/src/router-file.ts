// A trained router as one safetensors file: its parameters and buffers, what its features were fitted to, the questions that
// it must not be judged by, and how scores become choices. One experiment learns, another routes.
import { type HostTensor, type RawTensor, readSafetensors, writeSafetensors } from '@mixlab/checkpoints'
import {
  fromJson,
  MixlabError,
  type PluginReference,
  type PluginTable,
  type RandomStream,
  toJson,
  writeAtomically,
} from '@mixlab/core'
import { tf } from '@mixlab/tensor'
import { z } from 'zod'
import type { Decision } from './decision.ts'
import { featuresConfig, featuresFrom, type FittedFeatures } from './features.ts'
import { createMessageRouter, type MessageRouter } from './message-router.ts'

/** The metadata's key, and the version that this code writes. */
const key = 'mixlab.agent-router'
const version = 1

/** Infinite where all questions go to one agent. */
const threshold = z.custom<number>((value) => typeof value === 'number' && !Number.isNaN(value))

const decision = z.discriminatedUnion('by', [
  z.object({ by: z.literal('router') }),
  z.object({ by: z.literal('cost'), costs: z.record(z.string(), z.number()), tradeoff: z.number() }),
  z.object({ by: z.literal('threshold'), weak: z.string(), strong: z.string(), threshold }),
])

const description = z.object({
  version: z.literal(version),
  router: z.custom<PluginReference>(),
  members: z.array(z.string()),
  layer: z.int(),
  seen: z.array(z.string()),
  features: featuresConfig,
  decision,
})

/**
 * Writes a router that has learnt.
 * @param options.decision how its scores become choices. Default: as the router chooses
 * @throws MixlabError when its features are of one's own kind, or the disk refuses
 */
export async function saveRouter(
  path: string,
  router: MessageRouter,
  { decision: by = { by: 'router' } }: { readonly decision?: Decision } = {},
): Promise<void> {
  const { fitted } = router.features
  if (!fitted)
    throw new MixlabError(
      `router ${router.name}: its features cannot be saved, since fitFeatures did not make them; keep what makes them yourself`,
    )
  const tensors = new Map<string, RawTensor>([
    ['features.idf', { dtype: 'F32', shape: [fitted.idf.length], data: fitted.idf }],
    ['features.basis', { dtype: 'F32', shape: [fitted.config.buckets, fitted.config.dimensions], data: fitted.basis }],
    ['features.moments', { dtype: 'F64', shape: [fitted.moments.length / 2, 2], data: fitted.moments }],
  ])
  for (const [name, variable] of router.gate.state())
    tensors.set(`router.${name}`, { dtype: 'F32', shape: variable.shape, data: await variable.data<'float32'>() })
  const { reference, members, layer, seen } = router
  const about = {
    version,
    router: reference,
    members,
    layer,
    seen: [...seen],
    features: fitted.config,
    // Without what a threshold was fitted on.
    decision: decision.parse(by),
  }
  await writeAtomically(path, writeSafetensors(tensors, { [key]: toJson(about) }))
}

export interface LoadRouterOptions {
  readonly plugins: PluginTable
  /** For routers that explore, or have noise. */
  readonly rng: RandomStream
}

/**
 * Reads a router that `saveRouter` wrote; it routes as it did.
 * @throws MixlabError when the file is no such router, or of a router that is not known here
 */
export function loadRouter(
  path: string,
  { plugins, rng }: LoadRouterOptions,
): { readonly router: MessageRouter; readonly decision: Decision } {
  const { tensors, metadata } = readSafetensors(path)
  const about = described(path, metadata[key])
  const valuesOf = (name: string) => tensorOf(path, tensors, `features.${name}`).values
  const fitted: FittedFeatures = {
    config: about.features,
    idf: Float32Array.from(valuesOf('idf')),
    basis: Float32Array.from(valuesOf('basis')),
    moments: Float64Array.from(valuesOf('moments')),
  }
  const { members, layer } = about
  const features = featuresFrom(fitted)
  const router = createMessageRouter({ router: about.router, plugins, members, features, rng, layer })
  const state = new Map(
    [...tensors].flatMap(([name, tensor]) => (name.startsWith('router.') ? [[name.slice(7), tensor] as const] : [])),
  )
  try {
    router.router.restore?.(new Map([...state].map(([name, { shape }]) => [name, shape])))
    tf.tidy(() =>
      router.gate.loadState(
        new Map([...state].map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape], 'float32')])),
      ),
    )
  } catch (error) {
    router[Symbol.dispose]()
    throw MixlabError.is(error) ? new MixlabError(`${path}: ${error.message}`, { cause: error }) : error
  }
  for (const identity of about.seen) router.seen.add(identity)
  return { router, decision: about.decision }
}

function described(path: string, text: string | undefined): z.output<typeof description> {
  const found = text === undefined ? undefined : description.safeParse(parsed(text))
  if (found?.success) return found.data
  throw new MixlabError(
    text === undefined
      ? `${path} is no router of agents: expected a file that saveRouter wrote`
      : `${path} was written by another version of mixlab, or is damaged: train the router again, or use that version`,
  )
}

function parsed(text: string): unknown {
  try {
    return fromJson(text)
  } catch {
    return undefined
  }
}

function tensorOf(path: string, tensors: ReadonlyMap<string, HostTensor>, name: string): HostTensor {
  const tensor = tensors.get(name)
  if (!tensor) throw new MixlabError(`${path} lacks ${name}: train the router again`)
  return tensor
}
