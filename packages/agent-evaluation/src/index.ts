// Judges, comparisons, diversity and attribution for mixtures of agents.
export {}
