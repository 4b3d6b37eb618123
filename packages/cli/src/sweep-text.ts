// The end of a sweep, and what `best` and `export` say of one.
import { sweepTable } from '@mixlab/report'
import { sweepReport } from '@mixlab/sweeps'

/** The table of the best trials and the facts around it. @param directory the sweep's */
export const sweepText = async (directory: string): Promise<string> =>
  sweepTable(await sweepReport(directory), {
    width: process.stdout.columns ?? 100,
    color: process.stdout.isTTY,
  })
