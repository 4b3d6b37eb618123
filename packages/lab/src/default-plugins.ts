// The plugins that come with mixlab, one list per kind. Imported when a run is composed, not when a script starts.
import type { Plugin } from '@mixlab/core'

/** The default plugins of every kind. @param tensors false leaves out the kinds that need a tensor engine */
export async function defaultPlugins(options: { readonly tensors: boolean }): Promise<readonly Plugin[]> {
  const [{ agentModels }, { topologies }, { graders }, { samplers }, { stoppers }, { executors }, { trackers }] =
    await Promise.all([
      import('@mixlab/agent-models'),
      import('@mixlab/topologies'),
      import('@mixlab/graders'),
      import('@mixlab/samplers'),
      import('@mixlab/stoppers'),
      import('@mixlab/executors'),
      import('@mixlab/trackers'),
    ])
  const always = [...agentModels, ...topologies, ...graders, ...samplers, ...stoppers, ...executors, ...trackers]
  if (!options.tensors) return always
  const [{ routers }, { experts }, { evaluators }] = await Promise.all([
    import('@mixlab/routers'),
    import('@mixlab/experts'),
    import('@mixlab/evaluators'),
  ])
  return [...routers, ...experts, ...evaluators, ...always]
}
