// The parts of a page about mixtures of agents, in order. They are data for the page, which also shows whatever else the
// runs have (training, balance).
import type { Arm } from '../arms.ts'
import { section, type Section } from '../document.ts'
import type { Figure } from '../figure.ts'
import type { Markup } from '../html.ts'
import { graderTable, groupTable } from './breakdowns.ts'
import { armTable } from './comparison.ts'
import { fronts } from './fronts.ts'
import { agentFacts, agentsHeadline } from './headline.ts'
import { collaborationTable, layerDiagrams } from './layers.ts'
import { pairTable } from './pairs.ts'
import { failureTable, plannedTable, spendingByAgent, spendingByStep, warningList } from './spending.ts'
import { agentStyles } from './styles.ts'
import { diagramScript } from './diagram-script.ts'
import { tallyRun, type Tally } from './tally.ts'
import { questionList, transcriptData } from './transcripts/list.ts'
import { transcriptScript } from './transcripts/script.ts'
import { storeTranscripts, type TranscriptStore } from './transcripts/store.ts'
import { agentView, type AgentView } from './view.ts'

export interface AgentReport {
  readonly view: AgentView
  readonly store: TranscriptStore
  /** Of the runs in the transcripts. */
  readonly labels: readonly string[]
}

/** Reads what the arms' runs answered; undefined where none did. @param limit of transcripts in the page, base64 characters */
export async function readAgentReport(arms: readonly Arm[], limit?: number): Promise<AgentReport | undefined> {
  const tallies = new Map<string, Tally>()
  for (const { record } of arms.flatMap((arm) => arm.runs)) {
    const tally = await tallyRun(record.path)
    if (tally) tallies.set(record.path, tally)
  }
  const view = agentView(arms, tallies)
  if (!view) return undefined
  const runs = view.arms.flatMap(({ arm }) =>
    arm.runs.flatMap((run) => {
      const tally = tallies.get(run.record.path)
      const label = arm.runs.length > 1 ? `${arm.label}, seed ${run.record.seed}` : arm.label
      return tally ? [{ tally, label }] : []
    }),
  )
  return { view, store: await storeTranscripts(runs, limit), labels: runs.map(({ label }) => label) }
}

export interface AgentParts {
  readonly lead: Markup
  readonly facts: readonly (readonly [string, string])[]
  readonly sections: readonly (Section | undefined)[]
  readonly data: Markup
  readonly styles: string
  readonly scripts: readonly string[]
}

export function agentParts(
  { view, store, labels }: AgentReport,
  draw: (figures: readonly (Figure | undefined)[]) => Markup | undefined,
): AgentParts {
  // Figures are numbered as they are drawn: in the order of the sections.
  const quality = draw(fronts(view))
  const layers = draw([layerDiagrams(view)])
  return {
    lead: agentsHeadline(view),
    facts: agentFacts(view),
    sections: [
      section(
        'comparison',
        view.arms.length > 1 ? 'Comparison' : 'Result',
        armTable(view),
        pairTable(view),
        graderTable(view),
        groupTable(view),
      ),
      section('fronts', 'Quality against cost and latency', quality),
      section('layers', 'Layers', layers, collaborationTable(view)),
      section(
        'spending',
        'Spending',
        spendingByAgent(view),
        spendingByStep(view),
        plannedTable(view),
        failureTable(view),
        warningList(view),
      ),
      section('transcripts', 'Transcripts', questionList(store, labels)),
    ],
    data: transcriptData(store, labels),
    styles: agentStyles,
    scripts: [diagramScript, transcriptScript],
  }
}
