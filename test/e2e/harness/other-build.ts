/** Another build of Tandem, made from the one under test. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CLI, REPOSITORY } from './program.ts';

/** One that speaks the next major version of the protocol. Answers its CLI. */
export function buildOfNextProtocol(directory: string): string {
  const dist = resolve(CLI, '../..');
  cpSync(dist, join(directory, 'dist'), { recursive: true });
  cpSync(join(REPOSITORY, 'proto'), join(directory, 'proto'), { recursive: true });
  cpSync(join(REPOSITORY, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));
  const file = join(directory, 'dist/peer/link.js');
  const before = readFileSync(file, 'utf8');
  const after = before.replace(
    /PROTOCOL = \{ major: (\d+)/,
    (_, major: string) => `PROTOCOL = { major: ${Number(major) + 1}`,
  );
  if (after === before) throw new Error(`${file} does not say the protocol’s version where it was looked for`);
  writeFileSync(file, after);
  return join(directory, 'dist/cli/main.js');
}
