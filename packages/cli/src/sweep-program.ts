// `mixlab sweep` and its sub-commands: flags and help.
import { type Command, Option } from 'commander'
import { collect, runsOption, wholeNumber, withTrackOptions } from './options.ts'
import type { SweepCommandFlags } from './sweep-command.ts'

const help = `
A dimension (--over) is a field of the experiment and what it can be:
  router=top-k,switch                    one of these
  training.learningRate=1e-4..1e-2:log   a number, uniform in its logarithm
  router.k=1..4                          a whole number (the field is one); only under routers that have k
  training.optimizer.weightDecay=0..0.2:step=0.05

Examples:
  mixlab sweep experiments/router-bakeoff --over router=top-k,switch --over training.learningRate=1e-3..1e-2:log --trials 20 --jobs 2
  mixlab sweep SCRIPT --over … --sampler tpe --stopper asha --seeds 3      samplers, stoppers, executors: mixlab plugins list
  mixlab sweep SCRIPT --over … --budget activeParameters=1e6:experts.width   every point at equal cost
  mixlab sweep resume latest                                               go on after Ctrl-C or a crash
  mixlab sweep retry latest --failed                                       its failed trials once more
  mixlab sweep best latest                                                 the best point, as flags of mixlab run
  mixlab sweep export latest --csv                                         all trials as CSV`

export function addSweepCommands(program: Command, argv: readonly string[], finish: (code: number) => void): void {
  const sweep = withTrackOptions(program.command('sweep'))
    .summary('Search the hyper-parameters of an experiment.')
    .description(
      'Search the hyper-parameters of an experiment: many runs, in processes of their own, in one trial store that Optuna reads and writes, too. SCRIPT exports an experiment, or a sweep made by defineSweep.',
    )
    .helpCommand(false)
    .argument('<script>', 'the experiment or the sweep')
    .option('--over <dimension>', 'a dimension of the search space; repeatable', collect)
    .option('--set <field=value>', 'a field that every trial begins with; repeatable', collect)
    .option('--trials <number>', 'points to try (default 20; for a grid: all)', wholeNumber)
    .option('--objective <metric>', 'what to optimise, e.g. validationLoss, accuracy:max; repeatable', collect)
    .option('--sampler <name>', 'how points are chosen (default tpe; nsga-ii for several objectives)')
    .option('--sampler-set <field=value>', "a field of the sampler's; repeatable", collect)
    .option('--stopper <name>', 'ends trials that are not worth finishing, e.g. asha, median')
    .option('--stopper-set <field=value>', "a field of the stopper's; repeatable", collect)
    .option('--seeds <number>', 'runs of each point; the objective is their mean (default 1)', wholeNumber)
    .option('--finalists <number>', 'only so many of the best points are run with all seeds', wholeNumber)
    .option('--seed <number>', 'seed of the search, and of the first run of each point (default 1)', wholeNumber)
    .option('--jobs <number>', 'trials at once (default 1)', wholeNumber)
    .option('--executor <name>', 'where trials run: local (the default), slurm, ray')
    .option('--executor-set <field=value>', "a field of the executor's, e.g. partition=gpu; repeatable", collect)
    .option('--budget <quantity=value:field>', 'solve for a whole-number field so that every point costs the same')
    .option(
      '--population <fields>',
      'population-based training: size=8,interval=100,generations=5 (steps of training a generation)',
    )
    .option('--enqueue <point>', 'a point to try first: field=value,field=value; repeatable', collect)
    .option('--engine <name>', 'the tensor engine: auto, cpu, …')
    .option('--precision <name>', 'of matrix products: float32 (the default), or bf16')
    .option('--name <name>', "part of the sweep's id")
    .addOption(runsOption())
    .option('--quiet', 'no live table')
    .option('--no-report', 'write no report.html at the end')
    .addHelpText('after', help)
    .action(async (script: string, options: SweepCommandFlags) => {
      const { sweepCommand } = await import('./sweep-command.ts')
      finish(await sweepCommand(script, options, argv))
    })
  const goesOn = async (wanted: string, _options: unknown, command: Command) => {
    const { resumeSweep } = await import('./sweep-command.ts')
    finish(await resumeSweep(wanted, command.optsWithGlobals(), argv))
  }
  const withView = (command: Command) =>
    command
      .argument('[sweep]', 'path, id, end of an id, or latest', 'latest')
      .addOption(runsOption())
      .option('--quiet', 'no live table')
      .option('--no-report', 'write no report.html at the end')
  withView(sweep.command('resume'))
    .description('Go on with a sweep: after Ctrl-C, a crash, or with more trials.')
    .option('--trials <number>', 'go on to this number of trials', wholeNumber)
    .action(goesOn)
  withView(sweep.command('retry'))
    .description('Run failed trials once more.')
    .requiredOption('--failed', 'those that failed')
    .action(goesOn)
  sweep
    .command('best')
    .description('The best point, and how to run it.')
    .argument('[sweep]', 'path, id, end of an id, or latest', 'latest')
    .addOption(runsOption())
    .option('--json', 'as JSON')
    .action(async (wanted: string, _options: unknown, command: Command) => {
      const { bestCommand } = await import('./sweep-results.ts')
      await bestCommand(wanted, command.optsWithGlobals())
    })
  sweep
    .command('export')
    .description('All trials, one row each.')
    .argument('[sweep]', 'path, id, end of an id, or latest', 'latest')
    .addOption(new Option('--csv', 'as comma-separated values (the default)').conflicts('json'))
    .option('--json', 'as JSON')
    .option('--out <file>', 'where to write it (default: standard output)')
    .addOption(runsOption())
    .action(async (wanted: string, _options: unknown, command: Command) => {
      const { exportCommand } = await import('./sweep-results.ts')
      await exportCommand(wanted, command.optsWithGlobals())
    })
  sweep
    .command('trial', { hidden: true })
    .description("What a trial's process runs.")
    .argument('<directory>')
    .argument('<number>', '', wholeNumber)
    .action(async (directory: string, number: number) => {
      const { trialCommandOf } = await import('./sweep-command.ts')
      finish(await trialCommandOf(directory, number))
    })
}
