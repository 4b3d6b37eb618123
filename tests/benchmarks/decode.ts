// Greedy decoding with the key-value cache, one sequence: a prompt of 16 tokens, then 128 new ones, each of which is read
// on the host before the next. The first new token, which reads the prompt, is not counted.
import { RandomStream } from '@mixlab/core'
import { generateStream, type LanguageModel } from '@mixlab/nn'
import { createModel } from './model.ts'
import { shapes } from './shapes.ts'

const promptTokens = 16
const newTokens = 128

const createDecoder = (): Promise<LanguageModel> => createModel(shapes.decode, new RandomStream(1))

function continuation(model: LanguageModel) {
  const draw = new RandomStream(2)
  const prompt = Array.from({ length: promptTokens }, () => draw.integer(shapes.decode.vocabulary))
  return generateStream(model, [prompt], { maxTokens: newTokens, temperature: 0 })
}

/** Milliseconds of each token of `sequences` continuations, after three that are not counted. */
export async function decodingTimes(sequences: number): Promise<number[]> {
  const model = await createDecoder()
  const times: number[] = []
  for (let i = -3; i < sequences; i++) {
    let last: number | undefined
    for await (const _ of continuation(model)) {
      const now = performance.now()
      if (last !== undefined && i >= 0) times.push(now - last)
      last = now
    }
  }
  return times
}

/** A function that makes one more token each time it is called; every 128th of them reads a prompt as well. */
export async function decodeStep(): Promise<() => Promise<void>> {
  const model = await createDecoder()
  let stream = continuation(model)
  return async () => {
    if (!(await stream.next()).done) return
    stream = continuation(model)
    await stream.next()
  }
}
