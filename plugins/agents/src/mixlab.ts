// Models trained here, as agents, on the run's engine. What needs tensors is loaded when the first model is.
import { defineAgent } from '@mixlab/agents'
import { type PluginTable, token } from '@mixlab/core'
import { z } from 'zod'
import { ownModel } from './own-model.ts'
import { promptFormat } from './prompt-format.ts'

export const mixlab = defineAgent({
  name: 'mixlab',
  summary: 'A model trained or loaded here, through our own generation',
  config: z.strictObject({
    path: z
      .string()
      .describe('Folder of a checkpoint, of a training run (its last checkpoint), or of a Hugging Face model.'),
    tokenizer: z.string().optional().describe('Path of a tokenizer.json. Default: the one in the folder.'),
    prompt: promptFormat,
    maxTokens: z.number().int().min(1).optional().describe('Of a reply, where a request sets no limit.'),
    temperature: z.number().min(0).default(1).describe('Where a request sets none.'),
    topP: z.number().gt(0).max(1).default(1).describe('Where a request sets none.'),
    stop: z.array(z.string()).default([]).describe('Texts that end a reply.'),
  }),
  needs: { plugins: token<PluginTable>('plugins') },
  async create({ path, tokenizer, ...settings }, { plugins }) {
    const { loadModel } = await import('./model-folder.ts')
    const loaded = loadModel(path, { plugins, ...(tokenizer !== undefined && { tokenizer }) })
    const { maxTokens, ...rest } = settings
    return ownModel({ ...loaded, ...rest, ...(maxTokens !== undefined && { maxTokens }), owned: true })
  },
})
