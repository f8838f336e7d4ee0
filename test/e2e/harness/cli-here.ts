/** The CLI in the test's own process: a program started anew for each question would take most of a test's time. */
import { runCli } from '../../../src/cli/run.ts';
import type { Member } from './member.ts';
import type { Ran } from './program.ts';

/** One command of the CLI, from its sources; the daemon it asks is a process of its own. */
export async function tandemHere(args: readonly string[]): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  const terminal = {
    out: (text: string) => {
      said.stdout += text;
    },
    err: (text: string) => {
      said.stderr += text;
    },
    outBytes: async (bytes: Uint8Array) => {
      said.stdout += Buffer.from(bytes).toString();
    },
    input: async function* () {},
    columns: null,
  };
  const interruption = () => new AbortController().signal;
  const exitCode = await runCli(args, { terminal, interruption, version: '0' });
  return { exitCode, ...said };
}

/** The same member, for tests of what many commands answer. */
export function withCliHere(member: Member): Member {
  const tandem = (...args: string[]): Promise<Ran> => tandemHere([...args, '--home', member.home]);
  return Object.create(member, { tandem: { value: tandem } }) as Member;
}
