// Loads a model of ours and its tokenizer from a folder: a checkpoint of a training run (or the run itself: its last one),
// or a folder as Hugging Face's save_pretrained writes it, of the families whose parameters have our names.
import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { MixlabError, parseConfiguration, type PluginTable, RandomStream } from '@mixlab/core'
import { loadTokenizer, type Tokenizer } from '@mixlab/data'
import { createTransformer, type LanguageModel, type StateDict, transformerConfig } from '@mixlab/nn'
import { activeEngine } from '@mixlab/tensor'
import { listCheckpoints, readCheckpoint, withTensors } from '@mixlab/training'

export interface LoadedModel {
  readonly name: string
  readonly model: LanguageModel
  readonly tokenizer: Tokenizer
}

/**
 * The model in a folder, on the running engine; the caller disposes of it.
 * @param tokenizer the path of a tokenizer.json, where it is not in the folder
 * @throws MixlabError if a file is missing or corrupt, or the model is of a family that cannot be made here
 */
export function loadModel(path: string, options: { tokenizer?: string; plugins: PluginTable }): LoadedModel {
  if (!activeEngine())
    throw new MixlabError('agent mixlab needs an engine for its tensors: leave `engine: none` out of the experiment')
  const folder = listCheckpoints(join(path, 'checkpoints')).at(-1)?.path ?? path
  if (!existsSync(folder)) throw new MixlabError(`agent mixlab: ${path} does not exist; give a checkpoint's folder`)
  const trained = existsSync(join(folder, 'state.json'))
  const file = trained ? 'model.json' : 'config.json'
  if (!existsSync(join(folder, file))) {
    throw new MixlabError(
      trained
        ? `agent mixlab: ${folder} has no model.json: it was saved by an earlier version, or its model has no configuration; train it anew`
        : `agent mixlab: ${folder} is neither a checkpoint (state.json) nor a Hugging Face folder (config.json)`,
    )
  }
  const config = json(join(folder, file))
  const family = trained ? config : fromHuggingFace(config, folder)
  const tokenizerFile = options.tokenizer ?? join(folder, 'tokenizer.json')
  if (!existsSync(tokenizerFile))
    throw new MixlabError(`agent mixlab: ${tokenizerFile} does not exist; set tokenizer to a tokenizer.json's path`)
  const tokenizer = loadTokenizer(json(tokenizerFile), tokenizerFile)
  const shape = parseConfiguration(transformerConfig, family, `the model in ${folder}`)
  const vocabulary = trained ? tokenizer.size : Number(config['vocab_size'])
  const model = createTransformer(shape, {
    vocabulary,
    rng: new RandomStream(0, 'loading'),
    plugins: options.plugins,
  })
  try {
    const load = (state: StateDict) => model.loadState(state)
    if (trained) {
      const checkpoint = readCheckpoint(folder)
      withTensors(checkpoint.source('model.safetensors'), load)
      checkpoint.verify()
    } else {
      // With tied embeddings the output layer may be stored a second time.
      withTensors(join(folder, 'model.safetensors'), (state) =>
        load(new Map([...state].filter(([name]) => !(shape.tied && name === 'lm_head.weight')))),
      )
    }
  } catch (error) {
    model.dispose()
    throw error
  }
  return { name: basename(resolve(path)), model, tokenizer }
}

function json(path: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  } catch (error) {
    throw new MixlabError(`agent mixlab: ${path} is not JSON`, { cause: error })
  }
}

/** Our configuration of a model that Hugging Face's config.json describes. */
function fromHuggingFace(config: Readonly<Record<string, unknown>>, folder: string): Record<string, unknown> {
  const family = config['model_type']
  if (family !== 'llama' && family !== 'qwen3') {
    throw new MixlabError(
      `agent mixlab: ${folder} holds a model of the family ${JSON.stringify(family)}, expected llama or qwen3; serve it with another program and use openai-compatible, or llama-cpp`,
    )
  }
  const rope = (config['rope_parameters'] ?? config['rope_scaling'] ?? {}) as Readonly<Record<string, unknown>>
  const kind = rope['rope_type'] ?? rope['type'] ?? 'default'
  const unsupported = [
    kind !== 'default' && `rope_type ${JSON.stringify(kind)}`,
    config['attention_bias'] === true && 'attention_bias',
    config['mlp_bias'] === true && 'mlp_bias',
    config['hidden_act'] !== 'silu' && `hidden_act ${JSON.stringify(config['hidden_act'])}`,
    config['use_sliding_window'] === true && 'use_sliding_window',
  ].filter((what) => what !== false)
  if (unsupported.length > 0)
    throw new MixlabError(`agent mixlab: the model in ${folder} needs ${unsupported.join(', ')}: not supported here`)
  return {
    layers: config['num_hidden_layers'],
    width: config['hidden_size'],
    heads: config['num_attention_heads'],
    keyValueHeads: config['num_key_value_heads'] ?? null,
    headWidth: config['head_dim'] ?? null,
    contextLength: config['max_position_embeddings'],
    normEpsilon: config['rms_norm_eps'],
    rotaryBase: rope['rope_theta'] ?? config['rope_theta'] ?? 10_000,
    tied: config['tie_word_embeddings'] ?? false,
    queryKeyNorm: family === 'qwen3' ? 'head' : 'none',
    feedForward: { activation: 'swiglu', width: config['intermediate_size'] },
  }
}
