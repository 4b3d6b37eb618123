// Evaluators: what a trained model is worth, and what its routers have learnt.
import { causality } from './causality.ts'
import { coActivation } from './co-activation.ts'
import { domainSpecialization } from './domain-specialization.ts'
import { expertLoad } from './expert-load.ts'
import { perplexity } from './perplexity.ts'
import { routingSaturation } from './routing-saturation.ts'

export { causality, coActivation, domainSpecialization, expertLoad, perplexity, routingSaturation }

/** All of them, for a lab's defaults. */
export const evaluators = [perplexity, expertLoad, domainSpecialization, routingSaturation, coActivation, causality]
