/** Commands as data: one table makes the parser, the help and docs/CLI.md. */
import type { AdminClient } from '../admin/client.ts';
import type { Terminal } from './terminal.ts';

export interface CommandSpec {
  /** `['folder', 'list']` */
  readonly words: readonly string[];
  readonly summary: string;
  readonly parameters?: readonly ParameterSpec[];
  readonly options?: readonly OptionSpec[];
  /** Without the leading `tandem`. */
  readonly examples: readonly string[];
  /** Which of the options every such command has: those that lead to the daemon, or the home alone. */
  readonly target: 'daemon' | 'home' | 'none';
  run(call: CommandCall): Promise<void>;
}

interface ParameterSpec {
  /** `<folder>` needed, `[key]` optional, `<id...>` several. */
  readonly usage: string;
  readonly about: string;
}

export interface OptionSpec {
  /** `--limit <count>` */
  readonly flags: string;
  readonly about: string;
  readonly required?: true;
  readonly fallback?: string | number;
  readonly choices?: readonly string[];
  /** INVALID_ARGUMENT if the text does not fit. */
  readonly parse?: (text: string) => unknown;
}

/** One invocation. */
export interface CommandCall {
  readonly parameters: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly json: boolean;
  /** Absolute path. */
  readonly home: string;
  readonly terminal: Terminal;
  /** From then on SIGINT and SIGTERM no longer end the program: they abort this signal. */
  interruption(): AbortSignal;
  /** Runs `use` with a client of the daemon's socket and closes it. DAEMON_UNREACHABLE if there is no daemon. */
  withClient<T>(use: (client: AdminClient) => Promise<T>): Promise<T>;
}

/** The value of an option that has a fallback or is required. */
export function optionOf<T>(call: CommandCall, name: string): T {
  return call.options[name] as T;
}
