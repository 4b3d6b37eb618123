// The commands and their help. Each command's work is imported when it is called.
import { Command, CommanderError, Option } from 'commander'
import { MixlabError } from '@mixlab/core'
import { collect, names, runsOption, wholeNumber, withTrackOptions } from './options.ts'
import { EXIT_PROBLEM, reportProblem, wantsStack } from './problem.ts'
import { addSweepCommands } from './sweep-program.ts'
import type { TopologyFlags } from './topology-command.ts'

const examples = `
Examples:
  mixlab run experiments/router-bakeoff                     run an experiment; its folder says what it asks
  mixlab run experiments/char-lm --set data=notes.txt       set a field of its configuration
  mixlab run experiments/char-lm --help                     its fields, types and defaults
  mixlab run experiments/char-lm --resume latest            go on after Ctrl-C
  mixlab sweep experiments/router-bakeoff --over router=top-k,switch --trials 8   search; mixlab sweep --help
  mixlab run experiments/char-lm --track tensorboard        also for a tracker
  mixlab runs compare latest                                arms, means and confidence intervals
  mixlab plugins show router/switch                         a plugin's fields, defaults and source
  mixlab topology show moa --set layers=4                   who sees what, calls, tokens and price of a mixture of agents`

function createProgram(argv: readonly string[], finish: (code: number) => void): Command {
  const program = new Command('mixlab')
    .description('A laboratory for mixtures: of experts and of agents.')
    .helpCommand(false)
    .option('--stack', 'show the stack of an error')
    .showSuggestionAfterError()
    .addHelpText('after', examples)
  withTrackOptions(program.command('run'))
    .summary('Run an experiment script.')
    .description('Run an experiment. SCRIPT is a TypeScript or JavaScript file, or a folder with an experiment.ts.')
    .argument('[script]', 'the experiment; with --help, its fields are listed')
    .option('--set <field=value>', 'set a field of the configuration, e.g. router.k=2; repeatable', collect)
    .option('--seed <number>', 'seed of all random numbers (default 1)', wholeNumber)
    .option('--engine <name>', 'the tensor engine: auto, cpu, … (mixlab engines lists them)')
    .option('--precision <name>', 'of matrix products: float32 (the default), or bf16 with sums in float32')
    .option('--resume <run>', 'go on with an interrupted run: its path, id, the end of its id, or latest')
    .option(
      '--replay <run>',
      'make no call to a language model: take them from this run, and its configuration and seed',
    )
    .option('--calls <run|folder>', 'take calls to language models that were made before from here, and add new ones')
    .option('--name <name>', "part of the run's id")
    .addOption(runsOption())
    .option('--quiet', 'no live view')
    .option('--no-report', 'write no report.html at the end')
    .helpOption(false)
    .option('-h, --help', 'this help, and the fields of SCRIPT')
    .action(async (script: string | undefined, options: RunFlags, command: Command) => {
      if (options.help === true) {
        command.outputHelp()
        if (script !== undefined) await (await import('./experiment-help.ts')).printExperimentHelp(script)
        return
      }
      if (script === undefined)
        throw new MixlabError('run: which experiment? e.g. mixlab run experiments/router-bakeoff')
      const { runCommand } = await import('./run-command.ts')
      finish(await runCommand(script, options, argv))
    })
  addSweepCommands(program, argv, finish)
  addRunsCommands(program)
  program
    .command('report')
    .description('Write one HTML report about one or more runs.')
    .argument('<run...>', 'paths, ids, ends of ids, or latest')
    .option('--out <file>', "where to write it (default: report.html in the first run's directory)")
    .addOption(runsOption())
    .action(async (wanted: string[], options: { out?: string; runs: string }) => {
      const { reportCommand } = await import('./report-command.ts')
      await reportCommand(wanted, options)
    })
  program
    .command('transcript')
    .description('Print a question of a run that answered questions, call by call, as Markdown: who saw what.')
    .argument('<run>', 'path, id, end of an id, or latest')
    .requiredOption('--question <id>', "the question's id")
    .option('--arm <name>', 'only of this arm (default: of every arm that has it)')
    .option('--out <file>', 'write it there')
    .addOption(runsOption())
    .action(async (run: string, options: { question: string; arm?: string; out?: string; runs: string }) => {
      const { transcriptCommand } = await import('./transcript-command.ts')
      await transcriptCommand(run, options)
    })
  addPluginsCommands(program)
  addTopologyCommands(program)
  program
    .command('engines')
    .description('List the tensor engines, whether each can run here or why not, and how fast it is.')
    .option('--kernels', 'list every kernel of the available engines: native or in JavaScript')
    .option('--no-benchmark', 'skip the two-second benchmark')
    .action(async (options: { kernels?: boolean; benchmark: boolean }) => {
      const { enginesCommand } = await import('./engines-command.ts')
      await enginesCommand(options)
    })
  return program
}

export interface RunFlags {
  readonly set?: string[]
  readonly seed?: number
  readonly engine?: string
  readonly precision?: string
  readonly resume?: string
  readonly replay?: string
  readonly calls?: string
  readonly name?: string
  readonly track?: string[] | boolean
  readonly trackSet?: string[]
  readonly trackWait?: number
  readonly runs: string
  readonly quiet?: boolean
  readonly report: boolean
  readonly help?: boolean
}

function addRunsCommands(program: Command): void {
  const runs = program.command('runs').description('List, show, compare and send runs.').helpCommand(false)
  runs
    .command('list')
    .description('List runs, newest first.')
    .argument('[experiment]', 'only those of one experiment')
    .addOption(runsOption())
    .option('--json', 'as JSON')
    .action(async (experiment: string | undefined, options: { runs: string; json?: boolean }) => {
      const { listCommand } = await import('./runs-command.ts')
      await listCommand(experiment, options)
    })
  runs
    .command('show')
    .description('Show what a run was and what came out.')
    .argument('<run>', 'path, id, end of an id, or latest')
    .addOption(runsOption())
    .option('--json', 'as JSON')
    .action(async (run: string, options: { runs: string; json?: boolean }) => {
      const { showCommand } = await import('./runs-command.ts')
      await showCommand(run, options)
    })
  runs
    .command('compare')
    .description('Compare runs: one row for each configuration, means and 95 % confidence intervals over its seeds.')
    .argument('<run...>', 'paths, ids, ends of ids, latest, or the name of an experiment for all of its runs')
    .addOption(runsOption())
    .option('--metric <name>', 'only this metric; repeatable', collect)
    .option('--json', 'as JSON')
    .action(async (wanted: string[], options: { runs: string; metric?: string[]; json?: boolean }) => {
      const { compareCommand } = await import('./compare-command.ts')
      await compareCommand(wanted, options)
    })
  addPushCommand(runs)
}

function addPushCommand(runs: Command): void {
  runs
    .command('push')
    .description('Send runs to trackers: what has not arrived yet, or all of it. Doing it again changes nothing.')
    .argument('<run...>', 'paths, ids, ends of ids, or latest')
    .option('--to <names>', 'trackers, several by commas (default: those that the run had)', names)
    .option(
      '--set <tracker.field=value>',
      'set a field of a tracker, e.g. mlflow.uri=http://host:5000; repeatable',
      collect,
    )
    .option('--script <script>', "the run's experiment, for a tracker of its own")
    .addOption(runsOption())
    .action(async (wanted: string[], options: PushFlags) => {
      const { pushCommand } = await import('./push-command.ts')
      await pushCommand(wanted, options)
    })
}

export interface PushFlags {
  readonly to?: string[]
  readonly set?: string[]
  readonly script?: string
  readonly runs: string
}

function addPluginsCommands(program: Command): void {
  const scriptOption = () => new Option('--script <script>', "also this experiment's own plugins")
  const plugins = program
    .command('plugins')
    .description('List plugins and show what each can be told.')
    .helpCommand(false)
  plugins
    .command('list')
    .description('List plugins by kind.')
    .argument('[kind]', 'only of this kind, e.g. router')
    .addOption(scriptOption())
    .action(async (kind: string | undefined, options: { script?: string }) => {
      const { listPlugins } = await import('./plugins-command.ts')
      await listPlugins(kind, options.script)
    })
  plugins
    .command('show')
    .description("Show a plugin's fields with types, ranges and defaults, and its source.")
    .argument('<plugin>', 'kind/name, e.g. router/switch')
    .addOption(scriptOption())
    .action(async (plugin: string, options: { script?: string }) => {
      const { showPlugin } = await import('./plugins-command.ts')
      await showPlugin(plugin, options.script)
    })
}

function addTopologyCommands(program: Command): void {
  const scriptOption = () => new Option('--script <script>', "also this experiment's own topologies")
  const topology = program
    .command('topology')
    .description('List mixtures of agents, draw one and show what it costs before it runs.')
    .helpCommand(false)
  topology
    .command('list')
    .description('List topologies.')
    .addOption(scriptOption())
    .action(async (options: { script?: string }) => {
      const { listTopologies } = await import('./topology-command.ts')
      await listTopologies(options.script)
    })
  topology
    .command('show')
    .description(
      'Draw a topology, with the calls, tokens and money of one question. mixlab plugins show topology/NAME lists its fields.',
    )
    .argument('<topology>', 'its name, e.g. moa')
    .option('--set <field=value>', 'set a field, e.g. layers=4; repeatable', collect)
    .option('--agents <names>', "the experiment's agents, several by commas (default: six without names)", names)
    .option('--price <agent=in/out>', 'money for a million tokens; without agent= for all; repeatable', collect)
    .option('--question-tokens <number>', 'tokens of the question, at most', wholeNumber, 500)
    .option('--max-tokens <number>', 'tokens of a reply, at most, where the topology sets no limit', wholeNumber)
    .option('--svg <file>', 'also draw it there')
    .addOption(scriptOption())
    .action(async (name: string, options: TopologyFlags) => {
      const { showTopology } = await import('./topology-command.ts')
      await showTopology(name, options)
    })
}

/** Commander's own errors, in our form: one line. */
function configure(command: Command): void {
  command.exitOverride()
  command.configureOutput({
    outputError: (text, write) =>
      write(
        `mixlab: ${text
          .replace(/^error: /, '')
          .trim()
          .replaceAll('\n', ' ')}\n`,
      ),
  })
  for (const sub of command.commands) configure(sub)
}

/** Runs the command line. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  let code = 0
  const program = createProgram(argv, (given) => (code = given))
  configure(program)
  const stack = wantsStack(argv)
  process.once('uncaughtException', (error) => {
    reportProblem(error, { stack })
    process.exit(EXIT_PROBLEM)
  })
  try {
    if (argv.length === 0) program.outputHelp()
    else await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_PROBLEM
    reportProblem(error, { stack })
    return EXIT_PROBLEM
  }
}
