// Models of the AI SDK's providers: Anthropic, Google, OpenAI and dozens more. The provider's package is the user's own
// (`npm install @ai-sdk/anthropic`), of whatever version of the SDK; its key comes from the environment variable that the
// SDK documents for it, and its absence is said before the first question.
import { type AgentContext, type ChatModel, defineAgent } from '@mixlab/agents'
import { MixlabError, suggest } from '@mixlab/core'
import { z } from 'zod'
import { aiSdkModel } from './ai-sdk-model.ts'
import type { AiSdkLanguageModel } from './ai-sdk-types.ts'
import { patientFetch } from './patient-fetch.ts'
import { withoutSecrets } from './provider-errors.ts'
import { secretField } from './secret-names.ts'
import { importUserPackage } from './user-package.ts'

/** Where the providers that take one key look for it, by their own documentation. https://ai-sdk.dev/providers */
const keyVariables: Readonly<Record<string, string>> = {
  '@ai-sdk/anthropic': 'ANTHROPIC_API_KEY',
  '@ai-sdk/azure': 'AZURE_API_KEY',
  '@ai-sdk/cerebras': 'CEREBRAS_API_KEY',
  '@ai-sdk/cohere': 'COHERE_API_KEY',
  '@ai-sdk/deepinfra': 'DEEPINFRA_API_KEY',
  '@ai-sdk/deepseek': 'DEEPSEEK_API_KEY',
  '@ai-sdk/fireworks': 'FIREWORKS_API_KEY',
  '@ai-sdk/google': 'GOOGLE_GENERATIVE_AI_API_KEY',
  '@ai-sdk/groq': 'GROQ_API_KEY',
  '@ai-sdk/mistral': 'MISTRAL_API_KEY',
  '@ai-sdk/openai': 'OPENAI_API_KEY',
  '@ai-sdk/perplexity': 'PERPLEXITY_API_KEY',
  '@ai-sdk/togetherai': 'TOGETHER_API_KEY',
  '@ai-sdk/xai': 'XAI_API_KEY',
  '@openrouter/ai-sdk-provider': 'OPENROUTER_API_KEY',
}

const config = z.object({
  provider: z.string().min(1).describe('The provider’s package, e.g. @ai-sdk/anthropic, or a file that exports one.'),
  model: z.string().min(1).describe('The model’s name there.'),
  options: z
    .record(z.string(), z.unknown())
    .refine(
      (options) => secretField(options) === undefined,
      'expected no secrets in it: keys come from the environment (keyVariable)',
    )
    .default({})
    .describe('For the function that makes the provider, e.g. { baseURL }.'),
  keyVariable: z
    .string()
    .refine(
      (name) => /^[A-Z_][A-Z0-9_]*$/.test(name),
      'expected the name of an environment variable, not the key itself',
    )
    .optional()
    .describe('The environment variable that holds the key. Default: the provider’s own.'),
  factory: z.string().optional().describe('The function that makes the provider, where it exports several.'),
})
type Config = z.output<typeof config>

type Factory = (options: Readonly<Record<string, unknown>>) => Provider
type Provider = { languageModel?(model: string): AiSdkLanguageModel } & ((model: string) => AiSdkLanguageModel)

const letters = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** `createAnthropic` of `@ai-sdk/anthropic`: the only one, or the one that is named after the package. */
function findFactory(exported: Readonly<Record<string, unknown>>, { provider, factory }: Config): Factory {
  const names = Object.keys(exported).filter((name) => typeof exported[name] === 'function')
  const makers = names.filter((name) => /^create[A-Z]/.test(name))
  if (factory !== undefined) {
    if (names.includes(factory)) return exported[factory] as Factory
    throw new MixlabError(`ai-sdk: ${provider} exports no function ${factory}.${suggest(factory, makers)}`)
  }
  const own = letters(provider.split('/').at(-1)!)
  const name = makers.length === 1 ? makers[0] : makers.find((each) => letters(each) === `create${own}`)
  if (name !== undefined) return exported[name] as Factory
  throw new MixlabError(
    makers.length === 0
      ? `ai-sdk: ${provider} exports no function create…: is it a provider of the AI SDK?`
      : `ai-sdk: ${provider} makes several providers: name one of ${makers.join(', ')} in \`factory\``,
  )
}

async function createModel(settings: Config, { secret }: Pick<AgentContext, 'secret'>): Promise<ChatModel> {
  const { provider: name, model, options, keyVariable = keyVariables[name] } = settings
  const exported = await importUserPackage(name, 'ai-sdk')
  const create = findFactory(exported, settings)
  const key = keyVariable === undefined ? undefined : secret(keyVariable)
  const secrets = key === undefined ? [] : [key]
  try {
    const made = create({ fetch: patientFetch, ...options, ...(key !== undefined && { apiKey: key }) })
    const languageModel = made.languageModel?.(model) ?? made(model)
    const base = options['baseURL']
    const where = typeof base === 'string' && URL.canParse(base) ? `@${new URL(base).host}` : ''
    return aiSdkModel(languageModel, { provider: `ai-sdk:${languageModel.provider}${where}`, secrets })
  } catch (error) {
    throw new MixlabError(`ai-sdk: ${name} does not make the model ${model}: ${withoutSecrets(String(error), secrets)}`)
  }
}

export const aiSdk = defineAgent({
  name: 'ai-sdk',
  summary: 'Any provider of the AI SDK: Anthropic, Google, OpenAI, Mistral, Bedrock, …',
  source: 'https://ai-sdk.dev/providers',
  config,
  create: createModel,
})
