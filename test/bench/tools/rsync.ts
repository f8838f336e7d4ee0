import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { until } from '../../e2e/harness/until.ts';
import { missingProgram, Processes, runCounted, type Tool, type ToolKind } from './tool.ts';

const PORT = 8730;

/** rsync with its daemon, run once for each change. */
export const rsync: ToolKind = {
  name: 'rsync',
  unavailable: () => missingProgram('rsync'),
  create: async base => {
    const [a, b] = [join(base, 'A/data'), join(base, 'B/data')];
    for (const path of [a, b]) mkdirSync(path, { recursive: true });
    const processes = new Processes(base);
    let clientCpu = 0;
    const tool: Tool = {
      name: 'rsync',
      a,
      b,
      continuous: false,
      start: async () => {
        const config = join(base, 'rsyncd.conf');
        writeFileSync(
          config,
          `port=${PORT}\naddress=127.0.0.1\nuse chroot=no\nuid=${process.getuid?.()}\ngid=${process.getgid?.()}\n[d]\npath=${b}\nread only=no\n`,
        );
        processes.spawn(['rsync', '--daemon', '--no-detach', `--config=${config}`], 'rsyncd.log');
        await listening(PORT);
      },
      push: () => {
        clientCpu += runCounted(['rsync', '-a', '--delete', `${a}/`, `rsync://127.0.0.1:${PORT}/d/`]);
      },
      stop: () => processes.end(),
      daemons: () => processes.pids(),
      clientCpuSeconds: () => clientCpu,
    };
    return tool;
  },
};

export function listening(port: number): Promise<unknown> {
  return until(
    `port ${port} answers`,
    () =>
      new Promise<boolean>(resolve => {
        const socket = connect(port, '127.0.0.1', () => resolve(true));
        socket.once('connect', () => socket.destroy());
        socket.once('error', () => resolve(false));
      }),
    { everyMs: 20 },
  );
}
