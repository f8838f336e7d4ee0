#!/usr/bin/env node
/**
 * Makes a clone ready to run: installs packages where they are missing or differ from package-lock.json, and builds
 * `dist/` where it is missing or older than the sources. Needs Node, npm and nothing else; does nothing when all is there.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NEEDED_NODE = [20, 20];
const STAMP = join(ROOT, 'dist', '.built-from');

checkNode();
if (!packagesMatch()) {
  if (isLink(join(ROOT, 'node_modules')))
    fail('node_modules is a link to packages of other versions; run npm ci where it leads.');
  run('installing packages (npm ci)', ['ci', '--no-audit', '--no-fund']);
}
const sources = digestOfSources();
if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== sources) {
  run('building dist/ (npm run build)', ['run', '--silent', 'build']);
  writeFileSync(STAMP, sources);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1])) return;
  fail(
    `Node ${NEEDED_NODE.join('.')} or newer is needed; this is ${process.versions.node}. Install it and run the command again.`,
  );
}

/** Whether node_modules holds just the versions package-lock.json asks for (packages of other platforms aside). */
function packagesMatch() {
  const installed = readJson(join(ROOT, 'node_modules', '.package-lock.json'));
  const wanted = readJson(join(ROOT, 'package-lock.json'));
  if (installed === null || wanted === null) return false;
  return Object.entries(wanted.packages)
    .filter(([path, entry]) => path !== '' && !entry.optional && !entry.link)
    .every(([path, entry]) => installed.packages[path]?.version === entry.version && existsSync(join(ROOT, path)));
}

function isLink(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function digestOfSources() {
  const digest = createHash('sha256');
  for (const name of ['package-lock.json', join('scripts', 'bundle.mjs')])
    digest.update(readFileSync(join(ROOT, name)));
  const paths = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).sort();
  for (const path of paths) {
    const full = join(ROOT, 'src', path);
    if (statSync(full).isFile()) digest.update(`\0${path}\0`).update(readFileSync(full));
  }
  return digest.digest('hex');
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function run(what, args) {
  const started = Date.now();
  process.stderr.write(`· ${what} …\n`);
  const result = spawnSync('npm', args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.error) fail(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0) fail(`${what} failed; see the lines above.`);
  process.stderr.write(`· done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
