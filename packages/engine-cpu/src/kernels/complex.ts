// Complex tensors are pairs of real ones that share their data.
import { defineKernel } from '../register.ts'

defineKernel('Complex', ({ backend, inputs: { real, imag } }) => backend.complex(real!, imag!))

defineKernel('Real', ({ backend, inputs: { input } }) => backend.alias(backend.complexParts(input!).real, input!.shape))

defineKernel('Imag', ({ backend, inputs: { input } }) => backend.alias(backend.complexParts(input!).imag, input!.shape))
