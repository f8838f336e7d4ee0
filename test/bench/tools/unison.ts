import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { listening } from './rsync.ts';
import { missingProgram, Processes, runCounted, type ToolKind } from './tool.ts';

const PORT = 8740;

/** Unison with its socket server, run once for each change. */
export const unison: ToolKind = {
  name: 'unison',
  unavailable: () => missingProgram('unison'),
  create: async base => {
    const [a, b] = [join(base, 'A/data'), join(base, 'B/data')];
    for (const path of [a, b]) mkdirSync(path, { recursive: true });
    const processes = new Processes(base);
    let clientCpu = 0;
    return {
      name: 'unison',
      a,
      b,
      continuous: false,
      start: async () => {
        processes.spawn(['unison', '-socket', String(PORT)], 'unison.log', {
          UNISON: join(base, 'unison-b'),
          HOME: base,
        });
        await listening(PORT);
      },
      push: () => {
        const remote = `socket://127.0.0.1:${PORT}/${b}`;
        clientCpu += runCounted(['unison', a, remote, '-batch', '-auto', '-silent', '-times', '-confirmbigdel=false'], {
          UNISON: join(base, 'unison-a'),
          HOME: base,
        });
      },
      stop: () => processes.end(),
      daemons: () => processes.pids(),
      clientCpuSeconds: () => clientCpu,
    };
  },
};
