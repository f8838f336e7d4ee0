/** The CLI in the test's own process: for tests of what commands answer, of which a program started anew would take most of the time. */
import { runCli } from '../../../src/cli/run.ts';
import type { Member } from './member.ts';
import type { Ran } from './program.ts';

/** The same member; its daemon stays a process of its own. */
export function withCliHere(member: Member): Member {
  const tandem = async (...args: string[]): Promise<Ran> => {
    const said = { stdout: '', stderr: '' };
    const terminal = {
      out: (text: string) => {
        said.stdout += text;
      },
      err: (text: string) => {
        said.stderr += text;
      },
      outBytes: async () => {},
      input: async function* () {},
      columns: null,
    };
    const interruption = () => new AbortController().signal;
    const exitCode = await runCli([...args, '--home', member.home], { terminal, interruption, version: '0' });
    return { exitCode, ...said };
  };
  const json = async <T>(...args: string[]): Promise<T> => {
    const { exitCode, stdout, stderr } = await tandem(...args, '--json');
    if (exitCode !== 0) throw new Error(`tandem ${args.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`);
    return JSON.parse(stdout) as T;
  };
  return Object.create(member, { tandem: { value: tandem }, json: { value: json } }) as Member;
}
