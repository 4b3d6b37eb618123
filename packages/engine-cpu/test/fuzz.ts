// How many random cases the tests of machine code run. MIXLAB_FUZZ is the number for each kernel: 50 by default, in a few
// seconds; 1000 for a night.
export const casesOfKernel = Number(process.env['MIXLAB_FUZZ'] || 50)

/** Against the default. */
export const times = casesOfKernel / 50

export const timeout = 30_000 * Math.max(1, times)
