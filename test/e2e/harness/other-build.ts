/** Another build of Tandem, made from the one under test. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CLI, REPOSITORY } from './program.ts';

/** One that speaks the next major version of the protocol. Answers its CLI. */
export function buildOfNextProtocol(directory: string): string {
  return buildWith(directory, 'dist/peer/link.js', text =>
    text.replace(/PROTOCOL = \{ major: (\d+)/, (_, major: string) => `PROTOCOL = { major: ${Number(major) + 1}`),
  );
}

/** One whose disk worker dies of a bug when it is to scan. Answers its CLI. */
export function buildWithBug(directory: string): string {
  return buildWith(directory, 'dist/disk/scan.js', text =>
    text.replace(
      /(export function scanDirectories\([^)]*\) \{)/,
      "$1 setImmediate(() => { throw new Error('a bug was planted here'); });",
    ),
  );
}

function buildWith(directory: string, path: string, change: (text: string) => string): string {
  const dist = resolve(CLI, '../..');
  cpSync(dist, join(directory, 'dist'), { recursive: true });
  cpSync(join(REPOSITORY, 'proto'), join(directory, 'proto'), { recursive: true });
  cpSync(join(REPOSITORY, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));
  const file = join(directory, path);
  const before = readFileSync(file, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`${file} does not read as it did: nothing was changed in it`);
  writeFileSync(file, after);
  return join(directory, 'dist/cli/main.js');
}
