/** Bundles: what another member lacks, as a file to be carried there. “-” stands for the standard output and input. */
import { randomUUID } from 'node:crypto';
import { open, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { BundleReportRecord } from '../../admin/records/bundle-report.ts';
import { bundleReportNoun } from '../../admin/records/bundle-report.ts';
import { messageOf, TandemError } from '../../base/errors.ts';
import { type CommandCall, type CommandSpec, optionOf } from '../command.ts';
import { createProgress } from '../progress.ts';
import { printJson, recordToJson } from '../records-output.ts';

const STREAM = '-';

export const bundleCommands: readonly CommandSpec[] = [
  {
    words: ['bundle', 'export'],
    summary: 'write what another member lacks of a folder into a file, to be carried there',
    options: [
      { flags: '--folder <folder>', about: 'the folder, by name or GUID', required: true },
      { flags: '--for <member>', about: 'the member it is for, by name or GUID', required: true },
      { flags: '--out <file>', about: 'the file, where nothing may be; - is the standard output', required: true },
      { flags: '--full', about: 'also what the member is known to have' },
    ],
    examples: [
      'bundle export --folder docs --for beta --out /media/stick/docs-1.tandem',
      "bundle export --folder docs --for beta --full --out - | ssh relay 'cat > docs.tandem'",
    ],
    target: 'daemon',
    run: exportBundle,
  },
  {
    words: ['bundle', 'import'],
    summary: 'take in a bundle that another member made for this one',
    parameters: [{ usage: '<file>', about: 'the bundle; - is the standard input' }],
    examples: ['bundle import /media/stick/docs-1.tandem', 'bundle import - < docs-1.tandem'],
    target: 'daemon',
    run: importBundle,
  },
];

async function exportBundle(call: CommandCall): Promise<void> {
  const out = optionOf<string>(call, 'out');
  const streamed = out === STREAM;
  if (streamed && call.terminal.columns !== null) {
    throw new TandemError('INVALID_ARGUMENT', 'a bundle is nothing for a terminal: name a file, or lead the output on');
  }
  const path = streamed ? passingFile(call) : resolve(out);
  const order = {
    folder: optionOf<string>(call, 'folder'),
    member: optionOf<string>(call, 'for'),
    path,
    full: call.options.full === true,
  };
  const signal = call.interruption();
  try {
    const report = await call.withClient(client => follow(call, client.exportBundle(order, signal)));
    // The output is the bundle's.
    if (streamed) await pour(call, path);
    show(call, streamed ? call.terminal.err : call.terminal.out, report);
  } finally {
    if (streamed) await unlink(path).catch(() => {});
  }
}

async function importBundle(call: CommandCall): Promise<void> {
  const [file] = call.parameters;
  const streamed = file === STREAM;
  const path = streamed ? passingFile(call) : resolve(file!);
  const signal = call.interruption();
  try {
    if (streamed) await collect(call, path);
    const report = await call.withClient(client => follow(call, client.importBundle({ path }, signal)));
    if (report.Complete || call.json) show(call, call.terminal.out, report);
    if (!report.Complete) throw new TandemError('REFUSED', report.Message);
  } finally {
    if (streamed) await unlink(path).catch(() => {});
  }
}

/** The last report; those before go to the error output. */
async function follow(call: CommandCall, reports: AsyncIterable<BundleReportRecord>): Promise<BundleReportRecord> {
  const progress = createProgress(call, { firstMs: 0 });
  try {
    for await (const report of reports) {
      if (report.Done) return report;
      progress.tell(report.Message, null);
    }
  } finally {
    progress.end();
  }
  throw new TandemError('CANCELLED', 'it was given up; nothing is left of it');
}

function show(call: CommandCall, write: (text: string) => void, report: BundleReportRecord): void {
  if (call.json)
    printJson({ ...call, terminal: { ...call.terminal, out: write } }, recordToJson(bundleReportNoun, report));
  else write(`${report.Message}\n`);
}

/** The daemon reads and writes files only; what is streamed passes through one in the home, where it may do so. */
function passingFile(call: CommandCall): string {
  return join(call.home, `passing-${randomUUID()}.tandem`);
}

async function pour(call: CommandCall, path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    for await (const bytes of file.createReadStream({ autoClose: false }))
      await call.terminal.outBytes(bytes as Buffer);
  } finally {
    await file.close();
  }
}

async function collect(call: CommandCall, path: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      // Root may well ask the daemon of another user.
      const { uid, gid } = await stat(call.home);
      if (process.getuid?.() === 0) await file.chown(uid, gid);
      for await (const bytes of call.terminal.input()) await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
    throw new TandemError(
      full ? 'DISK_FULL' : 'DISK_FAILED',
      `what comes in cannot be kept in ${path}: ${messageOf(error)}; give the bundle as a file`,
      {},
      error,
    );
  }
}
