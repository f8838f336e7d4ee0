#!/usr/bin/env node
/**
 * Run after adding a package: names in package-lock.json the optional packages of other platforms that npm left out
 * because the registry in use does not hold them. Without their entries “npm ci” refuses the whole file. With --check it
 * changes nothing and fails where one is missing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const SYSTEMS = /\b(android|darwin|linux|win32|freebsd|openbsd|netbsd|sunos|openharmony|aix)\b/;
const PROCESSORS = [
  ['arm64', /\barm64\b/],
  ['x64', /\bx64\b/],
  ['arm', /\barm(-|eabi|$)/],
  ['ia32', /\bia32\b/],
  ['riscv64', /\briscv64\b/],
  ['ppc64', /\bppc64\b/],
  ['s390x', /\bs390x\b/],
];

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const present = new Set(Object.keys(lock.packages).map(path => path.split('node_modules/').at(-1)));
const added = Object.values(lock.packages).flatMap(entry =>
  Object.entries(entry.optionalDependencies ?? {})
    .filter(([name]) => !present.has(name))
    .map(([name, range]) => [`node_modules/${name}`, entryOf(name, { range, dev: entry.dev === true })]),
);
if (added.length === 0) process.exit(0);
if (process.argv.includes('--check')) {
  process.stderr.write(
    `package-lock.json lacks ${added.length} optional packages, and “npm ci” will refuse it; run “node scripts/complete-lock.mjs”\n`,
  );
  process.exit(1);
}
lock.packages = Object.fromEntries(
  [...Object.entries(lock.packages), ...added].sort(([left], [right]) => (left < right ? -1 : 1)),
);
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`added ${added.length} optional packages to package-lock.json\n`);

/** A package that says of no platform that it is its own would be installed everywhere, and there is none to install. */
function entryOf(name, { range, dev }) {
  const system = SYSTEMS.exec(name)?.[1];
  const processor = PROCESSORS.find(([, pattern]) => pattern.test(name))?.[0];
  if (system === undefined) throw new Error(`cannot tell the platform of ${name} from its name; add it by hand`);
  return {
    version: range.replace(/^[~^]/, ''),
    ...(processor && { cpu: [processor] }),
    ...(dev && { dev: true }),
    ...(/musl/.test(name) && { libc: ['musl'] }),
    optional: true,
    os: [system],
  };
}
