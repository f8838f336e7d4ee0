/**
 * What clients get from a block volume, beside other NBD servers, in one run: fio's nbd engine against nbdkit's file plugin, qemu-nbd, and
 * Tandem's volume alone, mirrored asynchronously and mirrored synchronously over loopback.
 *
 *     npm run bench:volumes
 *     npm run bench:volumes -- --seconds 20 --rounds 1 --size 512 --servers nbdkit,tandem,sync
 *
 * The servers take turns, round by round, and the median of the rounds counts: what the machine does beside meets all of them. After each turn of a
 * mirror its target catches up, so that it disturbs nobody else; how long that took is told too.
 * Prints one JSON line for each (server, case) on stdout, and a table with ratios to the first server on stderr.
 * Needs Debian's fio, nbdkit and qemu-utils.
 */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createGroup, type Group } from '../e2e/harness/group.ts';
import type { Member } from '../e2e/harness/member.ts';
import { runWell } from '../e2e/harness/program.ts';
import { until } from '../e2e/harness/until.ts';
import { createWorkspace, type Workspace } from '../e2e/harness/workspace.ts';
import { missingProgram, Processes } from './tools/tool.ts';

const { values: options } = parseArgs({
  options: {
    servers: { type: 'string', default: 'nbdkit,qemu-nbd,tandem,async,sync' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    /** Part of a case's name. */
    cases: { type: 'string' },
    /** MiB */
    size: { type: 'string', default: '256' },
  },
});

interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly unit: 'IOPS' | 'MiB/s';
}

const random = (rw: string, depth: number): Case => ({
  name: `4 KiB ${rw}, depth ${depth}`,
  args: [`--rw=${rw}`, '--bs=4k', `--iodepth=${depth}`],
  unit: 'IOPS',
});
const sequential = (rw: string): Case => ({
  name: `1 MiB ${rw}`,
  args: [`--rw=${rw}`, '--bs=1m', '--iodepth=1'],
  unit: 'MiB/s',
});
const CASES: readonly Case[] = [
  random('randread', 1),
  random('randread', 16),
  random('randwrite', 1),
  random('randwrite', 16),
  sequential('read'),
  sequential('write'),
];

interface Context {
  readonly workspace: Workspace;
  readonly processes: Processes;
  readonly group: () => Promise<Group>;
}

interface Export {
  readonly uri: string;
  /** Resolves when all that was written is where it belongs. */
  readonly settled: () => Promise<void>;
}

interface Server {
  readonly name: string;
  readonly needs: string | null;
  readonly serve: (context: Context) => Promise<Export>;
}

const SERVERS: readonly Server[] = [
  foreign('nbdkit', (socket, file) => ['nbdkit', '--foreground', '--unix', socket, 'file', file]),
  foreign('qemu-nbd', (socket, file) => ['qemu-nbd', '--persistent', `--socket=${socket}`, '--format=raw', file]),
  {
    name: 'tandem',
    needs: null,
    serve: async ({ group }) => alone(await volumeOf((await group()).member('alpha'), 'plain')),
  },
  mirrored('async'),
  mirrored('sync'),
];

function foreign(name: string, command: (socket: string, file: string) => string[]): Server {
  return {
    name,
    needs: name,
    serve: async ({ workspace, processes }) => {
      const [socket, file] = [join(workspace.path, `${name}.sock`), join(workspace.path, `${name}.img`)];
      writeFileSync(file, '');
      truncateSync(file, Number(options.size) * 2 ** 20);
      processes.spawn(command(socket, file), `${name}.log`);
      const uri = `nbd+unix:///?socket=${socket}`;
      await until(`${name} answers`, () =>
        runWell('nbdinfo', ['--size', uri]).then(
          () => true,
          () => false,
        ),
      );
      return alone(uri);
    },
  };
}

function alone(uri: string): Export {
  return { uri, settled: async () => {} };
}

function mirrored(mode: 'async' | 'sync'): Server {
  return {
    name: mode,
    needs: null,
    serve: async ({ group }) => {
      const alpha = (await group()).member('alpha');
      const uri = await volumeOf(alpha, mode);
      const { Synchronization } = await alpha.json<{ Synchronization: string }>(
        ...['replica', 'create', '--type', 'mirror', '--mode', mode, '--source', mode, '--target', `beta:${mode}`],
        ...['--wait', 'synchronized'],
      );
      const settled = async (): Promise<void> => {
        await until(`${mode} is in step`, () => alpha.json('replica', 'confirm', Synchronization), {
          timeoutMs: 120_000,
        });
      };
      return { uri, settled };
    },
  };
}

async function volumeOf(member: Member, name: string): Promise<string> {
  return (await member.json<{ Uri: string }>('volume', 'create', name, '--size', `${options.size}MiB`)).Uri;
}

interface Result {
  readonly server: string;
  readonly case: string;
  /** The median of the rounds. */
  readonly value: number;
  readonly unit: Case['unit'];
  readonly rounds: readonly number[];
  /** Seconds until everything was at the target, the longest of the rounds. */
  readonly caughtUpAfter: number;
}

async function fio(uri: string, args: readonly string[]): Promise<{ iops: number; bw_bytes: number }> {
  const common = ['--name=bench', '--ioengine=nbd', `--uri=${uri}`, '--output-format=json', '--randrepeat=0'];
  const text = await runWell('fio', [...common, ...args], { timeoutMs: 600_000 });
  const { jobs } = JSON.parse(text.slice(text.indexOf('{'))) as {
    jobs: { read: { iops: number; bw_bytes: number }; write: { iops: number; bw_bytes: number } }[];
  };
  const { read, write } = jobs[0]!;
  return read.iops > 0 ? read : write;
}

interface Served extends Export {
  readonly name: string;
}

async function prepare({ name, serve }: Server, context: Context): Promise<Served> {
  const { uri, settled } = await serve(context);
  // What was never written is not read from a disk.
  await fio(uri, ['--rw=write', '--bs=1m', '--iodepth=4', `--size=${options.size}m`]);
  await settled();
  return { name, uri, settled };
}

async function measure(served: readonly Served[], { name: what, args, unit }: Case): Promise<Result[]> {
  const amount = [`--size=${options.size}m`, '--time_based', `--runtime=${options.seconds}`];
  const measured = served.map(({ name }) => ({ name, values: [] as number[], caughtUpAfter: 0 }));
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [index, { uri, settled }] of served.entries()) {
      const { iops, bw_bytes } = await fio(uri, [...args, ...amount]);
      const ended = performance.now();
      await settled();
      const one = measured[index]!;
      one.values.push(Math.round(unit === 'IOPS' ? iops : bw_bytes / 2 ** 20));
      one.caughtUpAfter = Math.max(one.caughtUpAfter, Math.round((performance.now() - ended) / 100) / 10);
    }
  }
  return measured.map(({ name, values, caughtUpAfter }) => {
    const value = values.toSorted((a, b) => a - b)[values.length >> 1]!;
    return { server: name, case: what, value, unit, rounds: values, caughtUpAfter };
  });
}

function table(results: readonly Result[]): string {
  const servers = [...new Set(results.map(({ server }) => server))];
  const rows = CASES.filter(({ name }) => results.some(one => one.case === name)).map(({ name, unit }) => {
    const cells = servers.map(server => results.find(one => one.server === server && one.case === name)?.value ?? 0);
    return [`${name} [${unit}]`, ...cells.map(value => `${value} (${(value / (cells[0] || 1)).toFixed(2)})`)];
  });
  const all = [['case', ...servers], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map(row => row[column]!.length)));
  return all.map(row => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')).join('\n');
}

const missing = missingProgram('fio') ?? missingProgram('nbdinfo');
if (missing !== null) throw new Error(missing);
const workspace = createWorkspace('bench-volumes');
const processes = new Processes(workspace.path);
let started: Group | null = null;
try {
  const group = async (): Promise<Group> => {
    if (started === null) {
      started = await createGroup({ members: ['alpha', 'beta'], workspace });
      await started.start();
    }
    return started;
  };
  const served: Served[] = [];
  for (const server of SERVERS.filter(({ name }) => options.servers.split(',').includes(name))) {
    const reason = server.needs === null ? null : missingProgram(server.needs);
    if (reason === null) served.push(await prepare(server, { workspace, processes, group }));
    else process.stderr.write(`${server.name}: left out, ${reason}\n`);
  }
  const cases = CASES.filter(({ name }) => options.cases === undefined || name.includes(options.cases));
  const results: Result[] = [];
  for (const one of cases) {
    for (const result of await measure(served, one)) {
      results.push(result);
      process.stdout.write(`${JSON.stringify(result)}\n`);
    }
  }
  process.stderr.write(`\n${table(results)}\n`);
} finally {
  await processes.end();
  if (started === null) workspace.remove();
  else await (started as Group).dispose();
}
