/**
 * The same work for several tools, side by side in one run, over loopback on file systems in memory.
 *
 *     npm run bench                              all tools that are installed, all cases
 *     npm run bench -- --tools tandem            Tandem only
 *     npm run bench -- --cases small,rename --small 5000 --large 256
 *
 * Runs in network and mount namespaces of its own where the machine allows that: then `lo`'s counter is exactly what
 * crossed the wire, and nothing is left behind. Prints one JSON line for each (tool, case) on stdout, tables on stderr.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CASES, type CaseName, type CaseResult, runCases } from './cases.ts';
import { judge } from './goals.ts';
import { rsync } from './tools/rsync.ts';
import { syncthing, syncthingFast } from './tools/syncthing.ts';
import { tandem } from './tools/tandem.ts';
import type { ToolKind } from './tools/tool.ts';
import { unison } from './tools/unison.ts';

const TOOLS: readonly ToolKind[] = [tandem, rsync, syncthing, syncthingFast, unison];

const { values: options } = parseArgs({
  options: {
    tools: { type: 'string', default: 'tandem,rsync,syncthing,unison' },
    cases: { type: 'string', default: CASES.join(',') },
    small: { type: 'string', default: '20000' },
    large: { type: 'string', default: '1024' },
    runs: { type: 'string', default: '1' },
    output: { type: 'string' },
  },
});

if (process.env.TANDEM_BENCH_INSIDE === undefined) process.exitCode = enterNamespaces();
else process.exitCode = await bench();

/** Runs this program again in namespaces of its own; 1 where a goal was missed or a tool failed. */
function enterNamespaces(): number {
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = (isolated: boolean) => ({ ...process.env, TANDEM_BENCH_INSIDE: isolated ? 'isolated' : 'shared' });
  const unshare = [
    'unshare',
    ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
    '--net',
    '--mount',
    'sh',
    '-c',
    'ip link set lo up && exec "$@"',
    'sh',
  ];
  const possible = spawnSync(unshare[0]!, [...unshare.slice(1), 'true'], { stdio: 'ignore' }).status === 0;
  if (!possible)
    process.stderr.write(
      'No namespaces of our own here (unshare and ip are needed): other traffic on lo is counted too.\n',
    );
  const command = possible ? [...unshare, ...again] : again;
  return spawnSync(command[0]!, command.slice(1), { stdio: 'inherit', env: env(possible) }).status ?? 1;
}

async function bench(): Promise<number> {
  const chosenTools = options.tools.split(',').map(name => pickOf(TOOLS, name, 'tool'));
  const chosenCases = new Set(
    options.cases.split(',').map(
      name =>
        pickOf(
          CASES.map(known => ({ name: known })),
          name,
          'case',
        ).name as CaseName,
    ),
  );
  const amounts = { smallFiles: Number(options.small), largeMib: Number(options.large) };
  const results: CaseResult[] = [];
  for (const kind of chosenTools) {
    const reason = kind.unavailable();
    if (reason !== null) {
      process.stderr.write(`${kind.name}: left out, ${reason}\n`);
      continue;
    }
    const runs = [];
    for (let run = 0; run < Number(options.runs); run += 1) runs.push(...(await benchTool(kind, chosenCases, amounts)));
    results.push(...medians(runs));
  }
  process.stderr.write(`\n${table(results)}\n`);
  const verdicts = judge(results);
  for (const { goal, reached, pass } of verdicts)
    process.stderr.write(`${pass ? 'pass' : 'MISS'}  ${goal}: ${reached}\n`);
  return verdicts.every(verdict => verdict.pass) && results.every(result => result.ok) ? 0 : 1;
}

async function benchTool(
  kind: ToolKind,
  chosen: ReadonlySet<CaseName>,
  amounts: Parameters<typeof runCases>[2],
): Promise<CaseResult[]> {
  const base = mkdtempSync('/dev/shm/tandem-bench-');
  const sides = ['A', 'B'].map(side => join(base, side));
  const results: CaseResult[] = [];
  try {
    for (const side of sides) {
      mkdirSync(side);
      if (process.env.TANDEM_BENCH_INSIDE === 'isolated')
        spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8g', 'tmpfs', side]);
    }
    const tool = await kind.create(base);
    try {
      for await (const result of runCases(tool, chosen, amounts, base)) {
        results.push(result);
        const line = JSON.stringify(rounded(result));
        process.stdout.write(`${line}\n`);
        if (options.output !== undefined) appendFileSync(options.output, `${line}\n`);
      }
    } finally {
      await tool.stop();
    }
  } finally {
    if (process.env.TANDEM_BENCH_INSIDE === 'isolated') for (const side of sides) spawnSync('umount', ['--lazy', side]);
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  }
  return results;
}

function pickOf<T extends { readonly name: string }>(known: readonly T[], name: string, what: string): T {
  const found = known.find(entry => entry.name === name);
  if (found !== undefined) return found;
  process.stderr.write(`There is no ${what} “${name}”; known: ${known.map(entry => entry.name).join(', ')}\n`);
  process.exit(2);
}

/** Of several runs, the one with the median time stands for each case; its memory is the worst of all. */
function medians(runs: readonly CaseResult[]): CaseResult[] {
  return CASES.flatMap(name => {
    const same = runs.filter(result => result.case === name).sort((left, right) => left.seconds - right.seconds);
    const middle = same[Math.floor(same.length / 2)];
    return middle === undefined
      ? []
      : [{ ...middle, ok: same.every(result => result.ok), peakMib: Math.max(...same.map(result => result.peakMib)) }];
  });
}

function rounded(result: CaseResult): object {
  const { seconds, wireMib, cpuSeconds, peakMib, ...rest } = result;
  return {
    ...rest,
    seconds: Number(seconds.toFixed(3)),
    wireMib: Number(wireMib.toFixed(3)),
    cpuSeconds: Number(cpuSeconds.toFixed(2)),
    peakMib: Math.round(peakMib),
  };
}

function table(results: readonly CaseResult[]): string {
  const header = ['case', 'tool', 'time s', 'wire MiB', 'CPU s', 'peak MiB', ''];
  const rows = CASES.flatMap(name =>
    results
      .filter(result => result.case === name)
      .map(result => [
        name,
        result.tool,
        result.seconds.toFixed(3),
        result.wireMib.toFixed(3),
        result.cpuSeconds.toFixed(2),
        result.peakMib.toFixed(0),
        result.ok ? '' : 'NOT IDENTICAL',
      ]),
  );
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]!.length)));
  return [header, ...rows]
    .map(row =>
      row
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
