/** One invocation of the CLI, from arguments to exit code. */
import { CommanderError } from 'commander';
import { ERRORS, messageOf, TandemError } from '../base/errors.ts';
import { createProgram, type ProgramContext } from './program.ts';

/** Answers the exit code; everything to be said has been said on the terminal. */
export async function runCli(args: readonly string[], context: ProgramContext): Promise<number> {
  try {
    await createProgram(context).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERRORS.INVALID_ARGUMENT.exitCode;
    if (error instanceof TandemError) {
      context.terminal.err(`tandem: ${error.message}\n`);
      return ERRORS[error.code].exitCode;
    }
    context.terminal.err(
      `tandem: a bug in Tandem: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`,
    );
    return ERRORS.INTERNAL.exitCode;
  }
}
