/** Trees as a disk really has them: plain ones of many small files, and odd ones with everything a file system allows. */
import { chmodSync, linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Chance } from './chance.ts';

const MEBIBYTE = 1 << 20;

/** `count` small files, sizes log-normal about 3 KiB, in nested directories. The same for the same chance. */
export function makePlainTree(root: string, count: number, chance: Chance): void {
  const blob = chance.bytes(MEBIBYTE);
  let made = 0;
  while (made < count) {
    const levels = Array.from({ length: chance.between(1, 4) }, () => `d${chance.between(0, 15)}`);
    const directory = join(root, ...levels);
    mkdirSync(directory, { recursive: true });
    for (let index = 0; index < 20 && made < count; index += 1, made += 1) {
      const size = Math.min(Math.floor(Math.exp(8 + 1.5 * normal(chance))), 400_000);
      const start = chance.between(0, MEBIBYTE - 400_000);
      const content = Buffer.from(blob.subarray(start, start + size + 8));
      content.writeBigUInt64LE(BigInt(made), 0);
      writeFileSync(join(directory, `f${made}.dat`), content);
    }
  }
}

/** Everything that is hard to get right, in one tree. Holds devices and other strangers not: those are made by their test. */
export function makeOddTree(root: string, chance: Chance): void {
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  for (const name of ODD_NAMES) {
    write(`names/${name}`, `I am ${JSON.stringify(name)}`);
    write(`names in directories/${name}/inside`, name);
  }
  for (const size of EDGE_SIZES) write(`sizes/${size}`, chance.bytes(size));
  write('sizes/compressible', Buffer.alloc(3 * MEBIBYTE, 'all the same '));
  write('sizes/zeros', Buffer.alloc(2 * MEBIBYTE));
  write(`${Array.from({ length: 60 }, (_, level) => `level ${level}`).join('/')}/deep`, 'deep');
  write(`${Array.from({ length: 14 }, () => 'w'.repeat(200)).join('/')}/long path`, 'long');

  for (const path of ['empty', 'empty in/empty in/empty']) mkdirSync(join(root, path), { recursive: true });

  mkdirSync(join(root, 'links'));
  symlinkSync('../sizes/0', join(root, 'links/to a file'));
  symlinkSync('../sizes', join(root, 'links/to a directory'));
  symlinkSync('nowhere/at all', join(root, 'links/dangling'));
  symlinkSync('/etc/passwd', join(root, 'links/absolute'));
  symlinkSync('../../../../../..', join(root, 'links/out of the root'));
  symlinkSync('.', join(root, 'links/to itself'));
  symlinkSync(`${'x/'.repeat(900)}end`, join(root, 'links/long target'));
  symlinkSync('line\nbreak', join(root, 'links/line break'));

  write('hard/one', chance.bytes(100_000));
  for (const name of ['two', 'three']) linkSync(join(root, 'hard/one'), join(root, 'hard', name));

  for (const mode of [0o600, 0o644, 0o755, 0o444, 0o400, 0o777, 0o640]) {
    write(`modes/${mode.toString(8)}`, mode.toString(8));
    chmodSync(join(root, 'modes', mode.toString(8)), mode);
  }
  for (const mode of [0o700, 0o755, 0o750, 0o1777]) {
    mkdirSync(join(root, 'modes', `directory ${mode.toString(8)}`));
    chmodSync(join(root, 'modes', `directory ${mode.toString(8)}`), mode);
  }

  for (const [name, seconds] of Object.entries(EDGE_TIMES)) {
    write(`times/${name}`, name);
    utimesSync(join(root, 'times', name), seconds, seconds);
  }
  write('twins/a', 'the same content');
  write('twins/b', 'the same content');
}

/** Two Unicode forms of one word, names that differ in case only, and bytes a shell would stumble over. */
const ODD_NAMES: readonly string[] = [
  'Case',
  'case',
  'CASE',
  'caf\u00e9',
  'cafe\u0301',
  'line\nbreak',
  'tab\there',
  ' leading and trailing ',
  '-leading-dash',
  '--help',
  '.hidden',
  '..two dots',
  '...',
  'quote"\'`$(id)',
  'back\\slash',
  'star*?[x]',
  'colon:semi;|&',
  '\u{1f980}\u200d\u{1f30a}',
  '\u202eright to left',
  '\ufeffbyte order mark',
  'a'.repeat(255),
  '\u00e9'.repeat(127),
  'CON',
  'desktop.ini',
  'con trol \u0001',
];

/** About the bounds of whole files (64 KiB), of chunks (4, 16, 64 KiB), of messages (512 KiB) and of nothing. */
const EDGE_SIZES: readonly number[] = [
  0,
  1,
  4095,
  4096,
  4097,
  16_384,
  65_535,
  65_536,
  65_537,
  131_072,
  524_287,
  524_288,
  524_289,
  1_048_577,
  5 * MEBIBYTE + 3,
];

/** Seconds since the Unix epoch. */
const EDGE_TIMES: Readonly<Record<string, number>> = {
  'the epoch': 0,
  'before the epoch': -86_400.5,
  'a fraction': 1_600_000_000.123456,
  'after 2038': 2_500_000_000,
};

function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next());
}
