// The client: one pool of connections and, over it, one group of calls for each kind of thing that MLflow keeps.
import { artifacts, type Artifacts } from './artifacts/artifacts.ts'
import { experiments, type Experiments } from './experiments.ts'
import { loggedModels, type LoggedModels } from './logged-models.ts'
import { modelVersions, type ModelVersions, registeredModels, type RegisteredModels } from './registered-models.ts'
import { type CallOptions, Rest } from './rest.ts'
import { runs, type Runs } from './runs.ts'
import { type MlflowClientOptions, settle } from './settings.ts'
import { traces, type Traces } from './traces.ts'
import { text } from './transport.ts'

export interface MlflowClient extends Disposable {
  /** Without credentials. */
  readonly trackingUri: string
  readonly experiments: Experiments
  readonly runs: Runs
  readonly artifacts: Artifacts
  readonly registeredModels: RegisteredModels
  readonly modelVersions: ModelVersions
  readonly loggedModels: LoggedModels
  readonly traces: Traces
  /** The server's version, e.g. "3.17.2". */
  serverVersion(options?: CallOptions): Promise<string>
  /** Closes the connections; so does `using`. Idle ones do not keep a process alive. */
  close(): void
}

/**
 * A client of a tracking server. Nothing is sent before the first call.
 *
 * @throws MlflowError `INVALID_ARGUMENT` where an option or its environment variable is wrong or missing.
 */
export const createMlflowClient = (options: MlflowClientOptions = {}): MlflowClient => {
  const rest = new Rest(settle(options))
  const theExperiments = experiments(rest)
  const theRuns = runs(rest, theExperiments.current)
  const theLoggedModels = loggedModels(rest)
  const close = (): void => rest[Symbol.dispose]()
  return {
    trackingUri: rest.settings.baseUrl.href.replace(/\/$/, ''),
    experiments: theExperiments,
    runs: theRuns,
    artifacts: artifacts(rest, async ({ runId, modelId }, call) =>
      runId === undefined
        ? (await theLoggedModels.get(modelId, call)).artifactUri
        : (await theRuns.get(runId, call)).artifactUri,
    ),
    registeredModels: registeredModels(rest),
    modelVersions: modelVersions(rest),
    loggedModels: theLoggedModels,
    traces: traces(rest),
    serverVersion: (call = {}) =>
      rest.send({ method: 'GET', path: '/version', ...call }, async (answer) => (await text(answer)).trim()),
    close,
    [Symbol.dispose]: close,
  }
}
