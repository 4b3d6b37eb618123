// Plots and the HTML report of a run, and the statistics that it and other comparisons of runs use.
export { renderReport, writeReport } from './write-report.ts'
export {
  type Difference,
  difference,
  type Estimate,
  estimate,
  rank,
  type Ranking,
  studentQuantile,
} from './statistics.ts'
