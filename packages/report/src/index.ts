// Plots and the HTML reports of a run and of a sweep.
export { renderReport, writeReport } from './write-report.ts'
export { renderSweepReport } from './sweep/render.ts'
export type { Cost, Objective, SweepReport, TrialRun } from './sweep/data.ts'
export { sweepTable, type SweepTableOptions } from './sweep/table.ts'
export { questionTranscripts } from './agents/transcripts/find-transcripts.ts'
export { transcriptMarkdown, type TranscriptOptions } from './agents/transcripts/markdown.ts'
