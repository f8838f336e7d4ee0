/** The CLI against the backend with a little of everything, over a real socket. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAdminServer } from '../../../src/admin/server.ts';
import { silentLog } from '../../../src/base/log.ts';
import { runCli } from '../../../src/cli/run.ts';
import { createFakeBackend, type FakeBackend } from '../admin/fake-backend.ts';

const CONFIG = fileURLToPath(new URL('../../../config/', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface FakeDaemon {
  readonly home: string;
  readonly backend: FakeBackend;
  tandem(...args: string[]): Promise<Ran>;
  /** As on a terminal of this width. */
  onTerminal(columns: number, ...args: string[]): Promise<Ran>;
  close(): Promise<void>;
}

export async function startFakeDaemon(): Promise<FakeDaemon> {
  const home = await mkdtemp(join(tmpdir(), 'tandem-cli-'));
  await cp(CONFIG, home, { recursive: true });
  const backend = createFakeBackend();
  const server = await createAdminServer({ socketPath: join(home, 'admin.sock'), backend, log: silentLog });

  async function run(columns: number | null, args: readonly string[]): Promise<Ran> {
    let out = '';
    let err = '';
    const terminal = {
      out: (text: string) => {
        out += text;
      },
      err: (text: string) => {
        err += text;
      },
      outBytes: async (bytes: Uint8Array) => {
        out += Buffer.from(bytes).toString('latin1');
      },
      input: async function* () {},
      columns,
    };
    const interruption = () => new AbortController().signal;
    const code = await runCli([...args, '--home', home], { terminal, interruption, version: '1.2.3' });
    return { code, out, err };
  }

  return {
    home,
    backend,
    tandem: (...args) => run(null, args),
    onTerminal: (columns, ...args) => run(columns, args),
    close: async () => {
      await server.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
