// A real server with user names and passwords (`mlflow server --app-name basic-auth`).
import { expect, it } from 'vitest'
import { createMlflowClient, MlflowError } from '../src/index.ts'
import { peerHas, startMlflow, startPeer } from './support/mlflow.ts'

const password = 'a long password: with a colon'

it.skipIf(!peerHas('basic authentication', 'mlflow', 'flask_wtf'))(
  'works with the right password, by option and by environment, and says what is wrong with another',
  { timeout: 180_000 },
  async () => {
    const environment = { MLFLOW_AUTH_ADMIN_PASSWORD: password, MLFLOW_FLASK_SERVER_SECRET_KEY: 'secret' }
    await using server = await startMlflow({
      arguments: ['--app-name', 'basic-auth', '--serve-artifacts', '--artifacts-destination', 'a'],
      environment,
    })
    const trackingUri = server.url
    const right = createMlflowClient({ trackingUri, username: 'admin', password, environment: {}, retries: 1 })
    const { runId } = await right.runs.create({ runName: 'with a password' })
    await right.artifacts.upload(runId, 'a.txt', 'x')

    const variables = {
      MLFLOW_TRACKING_URI: trackingUri,
      MLFLOW_TRACKING_USERNAME: 'admin',
      MLFLOW_TRACKING_PASSWORD: password,
    }
    expect((await createMlflowClient({ environment: variables }).runs.get(runId)).runName).toBe('with a password')
    await using peer = startPeer(trackingUri, { MLFLOW_TRACKING_USERNAME: 'admin', MLFLOW_TRACKING_PASSWORD: password })
    expect(await peer.run(`result = client.get_run('${runId}').info.run_name`)).toBe('with a password')

    for (const credentials of [{ username: 'admin', password: 'sesame' }, {}]) {
      const error: unknown = await createMlflowClient({ trackingUri, environment: {}, ...credentials })
        .runs.get(runId)
        .catch((reason: unknown) => reason)
      if (!MlflowError.is(error)) throw error
      expect(error).toMatchObject({ status: 401, errorCode: 'UNAUTHENTICATED', attempts: 1 })
      expect(error.message).toMatch(/Check the user name and password/)
      expect(error.message).not.toContain('sesame')
    }
  },
)
