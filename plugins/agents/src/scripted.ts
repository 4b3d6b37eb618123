// Scripted agents for the command line and for sweeps: they answer the questions of a file with a given accuracy. In code,
// `scriptedModel` takes any function, and `scriptedAnswers` any list of questions.
import { createHash } from 'node:crypto'
import { defineAgent, failureKinds, questionFileConfig, readQuestions } from '@mixlab/agents'
import { z } from 'zod'
import { scriptedAnswers } from './scripted-answers.ts'
import { scriptedModel } from './scripted-model.ts'

const share = z.number().min(0).max(1)
const milliseconds = z.number().min(0)

const config = z.object({
  answers: z
    .union([z.string(), questionFileConfig])
    .describe('A JSONL file of questions with their answers, or such a file with its fields.'),
  accuracy: z
    .union([share, z.record(z.string(), share)])
    .default(0.7)
    .describe('Probability of being right; by the questions’ group where it is an object.'),
  correlation: share.default(0).describe('Probability of following the draw that the group has in common.'),
  group: z.string().default('all').describe('Agents of one group have their common draws in common.'),
  wrongAnswers: z.number().int().min(1).default(1).describe('Distinct wrong answers to a question.'),
  format: z
    .string()
    .refine((text) => text.includes('{answer}'), 'expected {answer} in it, in the place of the answer')
    .default('#### {answer}'),
  sycophancy: share.default(0).describe('Probability of saying what most answers in the prompt say.'),
  tokens: z.number().int().min(0).default(0).describe('Words of a reply, at least.'),
  confidence: z
    .strictObject({ right: share, wrong: share })
    .optional()
    .describe('Probability of each token, for log-probabilities, when it is right and when it is wrong.'),
  latencyMs: z
    .union([
      milliseconds,
      z.strictObject({ min: milliseconds, max: milliseconds }),
      z.strictObject({ median: milliseconds, spread: z.number().min(0) }),
    ])
    .default(0)
    .describe('To the first token: a number, uniform, or log-normal.'),
  msPerToken: milliseconds.default(0),
  failures: z
    .partialRecord(z.enum(failureKinds), share)
    .refine((shares) => Object.values(shares).reduce((sum, each) => sum + each, 0) <= 1, 'expected a sum of at most 1')
    .default({})
    .describe('Probabilities of failures by kind; each try draws anew.'),
  retryAfterMs: milliseconds.optional().describe('What it asks to wait when it is busy.'),
  deaf: z.boolean().default(false).describe('Goes on when it is cancelled.'),
  seed: z.number().int().min(0).default(0),
  model: z.string().min(1).default('agent').describe('A name; agents of one name and configuration draw alike.'),
})

export const scripted = defineAgent({
  name: 'scripted',
  summary: 'Answers from a file with a given accuracy, correlation, latency and failures; no model',
  config,
  async create(settings) {
    const { answers, model, latencyMs, msPerToken, failures, retryAfterMs, deaf, seed, confidence, ...rest } = settings
    const { questions, hash } = await readQuestions(
      questionFileConfig.parse(typeof answers === 'string' ? { path: answers } : answers),
    )
    // A recording's key has the model's name and not its configuration: what decides the replies is in the name.
    const identity = JSON.stringify([hash, { ...settings, answers: undefined }])
    const name = `${model}-${createHash('sha256').update(identity).digest('hex').slice(0, 8)}`
    return scriptedModel({
      name,
      text: scriptedAnswers({ questions, ...rest, ...(confidence && { confidence }) }),
      seed,
      latencyMs,
      msPerToken,
      failures,
      deaf,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  },
})
