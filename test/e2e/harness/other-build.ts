/** Another build of Tandem, made from the one under test. */
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CLI, REPOSITORY } from './program.ts';

/** One that speaks the next major version of the protocol. Answers its CLI. */
export function buildOfNextProtocol(directory: string): string {
  return buildWith(directory, text =>
    text.replace(/PROTOCOL = \{ major: (\d+)/, (_, major: string) => `PROTOCOL = { major: ${Number(major) + 1}`),
  );
}

/** One whose disk worker dies of a bug when it is to scan. Answers its CLI. */
export function buildWithBug(directory: string): string {
  return buildWith(directory, text =>
    text.replace(
      /(function scanDirectories\([^)]*\) \{)/,
      "$1 setImmediate(() => { throw new Error('a bug was planted here'); });",
    ),
  );
}

/** With the text of whichever of its files `change` changes. */
function buildWith(directory: string, change: (text: string) => string): string {
  const dist = resolve(CLI, '../..');
  cpSync(dist, join(directory, 'dist'), { recursive: true });
  cpSync(join(REPOSITORY, 'proto'), join(directory, 'proto'), { recursive: true });
  cpSync(join(REPOSITORY, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));
  let changed = 0;
  for (const path of readdirSync(join(directory, 'dist'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.js')) continue;
    const file = join(directory, 'dist', path);
    const before = readFileSync(file, 'utf8');
    const after = change(before);
    if (after === before) continue;
    writeFileSync(file, after);
    changed++;
  }
  if (changed === 0) throw new Error(`nothing in ${dist} reads as it did: nothing was changed`);
  return join(directory, 'dist/cli/main.js');
}
