// What do layers, proposers and the aggregator of a Mixture-of-Agents give, at equal calls? Any OpenAI-compatible server, on
// grade-school mathematics or questions of one's own.
//
//   mixlab run experiments/moa-layers --set url=http://localhost:8000/v1 --set 'models=["llama-3.1-8b","qwen2.5-7b"]' --set questions.path=gsm8k/test.jsonl
import {
  compareMixtures,
  defineExperiment,
  callingConfig,
  mixtureConfig,
  type PluginReference,
  questionFileConfig,
  readQuestions,
  withDefaults,
  z,
} from 'mixlab'

const config = z.strictObject({
  url: z
    .string()
    .default('http://localhost:8000/v1')
    .describe('An OpenAI-compatible server: vLLM, llama-server, Ollama, Together, OpenRouter, …'),
  keyVariable: z.string().optional().describe('The environment variable that holds its key.'),
  models: z.array(z.string()).min(1).default(['default']).describe('Models there; proposers take turns among them.'),
  aggregators: z.array(z.string()).min(1).optional().describe('Models that aggregate. Default: the first model.'),
  layers: z.array(z.int().min(2)).min(1).default([2, 3]).describe('As the paper counts: the aggregator is the last.'),
  proposers: z.array(z.int().min(1)).min(1).default([3, 6]).describe('In each layer before it.'),
  questions: withDefaults(questionFileConfig, { path: 'gsm8k/test.jsonl', sample: 100 }),
  grader: z.string().default('gsm8k'),
  system: z
    .string()
    .default('Solve the problem step by step. End with a line "#### " and the number that is the answer.')
    .describe('Comes first in every system message.'),
  temperature: z.number().min(0).default(0.7).describe('Of proposers; the paper’s.'),
  maxTokens: z.int().min(1).default(512).describe('Of a reply.'),
  baselines: z.enum(['calls', 'tokens', 'none']).default('calls').describe('What budget-matched baselines match.'),
  calling: callingConfig.prefault({}),
  concurrency: z.int().min(1).default(32).describe('Questions at once.'),
})

/** A model's name as an agent's. */
const agentName = (model: string): string => model.replaceAll(/[^a-z0-9]+/gi, '-').replaceAll(/^-+|-+$/g, '')

export default defineExperiment({
  name: 'moa-layers',
  summary: 'Layers × proposers × aggregator of a Mixture-of-Agents, beside baselines of equal budget',
  engine: 'none',
  config,
  async run(run) {
    const { url, keyVariable, models, layers, proposers, temperature, maxTokens, system, grader } = run.config
    const { questions, warnings } = await readQuestions(run.config.questions)
    for (const message of warnings) run.emit('warning', { message })
    const aggregators = run.config.aggregators ?? models.slice(0, 1)
    const agents = Object.fromEntries(
      [...new Set([...models, ...aggregators])].map((model) => [
        agentName(model),
        {
          model: { name: 'openai-compatible', url, model, ...(keyVariable !== undefined && { keyVariable }) },
          system,
          temperature,
          maxTokens,
        },
      ]),
    )
    const topologies: Record<string, PluginReference> = {}
    for (const depth of layers)
      for (const width of proposers)
        for (const aggregator of aggregators) {
          const named = aggregators.length > 1 ? `-${agentName(aggregator).toLowerCase()}` : ''
          topologies[`layers-${depth}-proposers-${width}${named}`] = {
            name: 'moa',
            layers: depth,
            proposers: Array.from({ length: width }, (_, index) => agentName(models[index % models.length]!)),
            aggregator: agentName(aggregator),
          }
        }
    const { comparison, baselines } = await compareMixtures(run, {
      questions,
      topologies,
      config: mixtureConfig.parse({
        agents,
        graders: [grader],
        calling: run.config.calling,
        concurrency: run.config.concurrency,
      }),
      baselines: run.config.baselines === 'none' ? null : { budget: run.config.baselines },
    })
    return {
      accuracy: Object.fromEntries(comparison.arms.map(({ name, mean }) => [name, mean])),
      findings: comparison.pairs.map(({ text }) => text),
      baselines: baselines.map(({ text }) => text),
    }
  },
})
