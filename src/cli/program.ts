/** The table of commands as a commander program. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { type AdminClient, createAdminClient } from '../admin/client.ts';
import { TandemError } from '../base/errors.ts';
import { loadMemberFile } from '../config/member-file.ts';
import type { CommandCall, CommandSpec, OptionSpec } from './command.ts';
import { COMMANDS, NOUNS } from './command-table.ts';
import type { Terminal } from './terminal.ts';

export interface ProgramContext {
  readonly terminal: Terminal;
  /** Aborts at SIGINT and SIGTERM; asked for only by commands that go on until then. */
  readonly interruption: () => AbortSignal;
  readonly version: string;
}

const TARGET_OPTIONS: Readonly<Record<'home' | 'socket' | 'json', OptionSpec>> = {
  home: { flags: '--home <dir>', about: 'the member’s home (default: ~/.tandem)' },
  socket: { flags: '--socket <path>', about: 'the daemon’s admin socket, if not the one of the home' },
  json: { flags: '--json', about: 'print JSON instead of tables' },
};

export function createProgram(context: ProgramContext): Command {
  const program = new Command('tandem')
    .description('Keeps folders identical on several hosts.')
    .version(context.version, '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureOutput({
      writeOut: context.terminal.out,
      writeErr: context.terminal.err,
      getOutHelpWidth: () => context.terminal.columns ?? 120,
      getErrHelpWidth: () => 120,
    })
    .showHelpAfterError('(“--help” shows what the command takes)')
    .exitOverride()
    .addHelpText('after', '\nExit codes are listed in docs/ERRORS.md; 0 means done.\n');
  for (const option of Object.values(TARGET_OPTIONS)) program.addOption(makeOption(option).hideHelp());
  const nouns = new Map<string, Command>();
  const nounOf = (words: readonly string[]): Command => {
    if (words.length === 0) return program;
    const name = words.join(' ');
    const noun =
      nouns.get(name) ??
      nounOf(words.slice(0, -1))
        .command(words.at(-1)!)
        .description(NOUNS[name] ?? '')
        .helpOption('-h, --help', 'show help');
    nouns.set(name, noun);
    return noun;
  };
  for (const spec of COMMANDS) addCommand(nounOf(spec.words.slice(0, -1)), spec.words.at(-1)!, { spec, context });
  return program;
}

/** The options that the table says and those that come with the target. */
export function optionsOf(spec: CommandSpec): OptionSpec[] {
  const { home, socket, json } = TARGET_OPTIONS;
  const target = spec.target === 'daemon' ? [home, socket] : spec.target === 'home' ? [home] : [];
  return [...(spec.options ?? []), ...target, json];
}

function addCommand(
  parent: Command,
  word: string,
  { spec, context }: { readonly spec: CommandSpec; readonly context: ProgramContext },
): void {
  const command = parent.command(word).description(spec.summary).helpOption('-h, --help', 'show help');
  for (const { usage, about } of spec.parameters ?? []) command.argument(usage, about);
  for (const option of optionsOf(spec)) command.addOption(makeOption(option));
  command.addHelpText('after', `\nExamples:\n${spec.examples.map(example => `  $ tandem ${example}\n`).join('')}`);
  command.action(async () => {
    const options = command.optsWithGlobals<Record<string, unknown>>();
    await spec.run(makeCall(options, { parameters: command.args, context }));
  });
}

function makeOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.about);
  if (spec.required) option.makeOptionMandatory();
  if (spec.choices) option.choices([...spec.choices]);
  else if (spec.parse) option.argParser(spec.parse);
  if (spec.fallback !== undefined) {
    const value = spec.parse && typeof spec.fallback === 'string' ? spec.parse(spec.fallback) : spec.fallback;
    option.default(value, String(spec.fallback));
  }
  return option;
}

function makeCall(
  options: Readonly<Record<string, unknown>>,
  given: { readonly parameters: readonly string[]; readonly context: ProgramContext },
): CommandCall {
  const home = resolve((options.home as string | undefined) ?? join(homedir(), '.tandem'));
  return {
    parameters: given.parameters,
    options,
    json: options.json === true,
    home,
    terminal: given.context.terminal,
    interruption: given.context.interruption,
    withClient: async <T>(use: (client: AdminClient) => Promise<T>) => {
      const client = await createAdminClient(await findSocket(options.socket as string | undefined, home));
      try {
        return await use(client);
      } finally {
        client.close();
      }
    },
  };
}

async function findSocket(given: string | undefined, home: string): Promise<string> {
  if (given !== undefined) return resolve(given);
  try {
    return (await loadMemberFile(home)).adminSocket;
  } catch (error) {
    if (!(error instanceof TandemError) || error.code !== 'CONFIG_UNREADABLE') throw error;
    throw new TandemError(
      'DAEMON_UNREACHABLE',
      `there is no member in ${home}; say where it is with --home DIR or --socket PATH, or make one with “tandem init NAME”`,
      {},
      error,
    );
  }
}
