export { backendName, CpuBackend, type CpuBackendOptions } from './backend.ts'
export { cpuEngine, runningBackend } from './engine.ts'
export { listKernels } from './fallback.ts'
export { defineKernel, type KernelCall, type KernelRun } from './register.ts'
