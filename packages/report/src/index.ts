// Plots and the HTML reports of a run and of a sweep, and the statistics that they and other comparisons of runs use.
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
export { renderSweepReport } from './sweep/render.ts'
export type { Cost, Objective, SweepReport, TrialRun } from './sweep/data.ts'
export { sweepTable, type SweepTableOptions } from './sweep/table.ts'
export { questionTranscripts } from './agents/transcripts/find-transcripts.ts'
export { transcriptMarkdown, type TranscriptOptions } from './agents/transcripts/markdown.ts'
