#!/usr/bin/env node
/**
 * Makes `dist/` from `src/`: the programs and the disk's thread, with the packages they always load, in a few files. A
 * daemon starts with two thirds of the processor time that it takes to load module by module. Types are not looked at
 * here: `npm run check` does.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');

/** With parts in machine code, with threads of their own, or not needed by most runs. */
const LEFT_AS_PACKAGES = ['level', 'msgpackr', 'pino', 'chokidar', '@peculiar/x509', 'reflect-metadata'];

/** Packages in CommonJS ask for Node's own modules with `require`, which a module has not by itself. */
const REQUIRE =
  "import { createRequire as bundledRequire } from 'node:module'; const require = bundledRequire(import.meta.url);";

rmSync(DIST, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: {
    'cli/main': 'src/cli/main.ts',
    'cli/tandemd': 'src/cli/tandemd.ts',
    'disk/disk-worker': 'src/disk/disk-worker.ts',
  },
  outdir: DIST,
  // As deep as the sources, so that paths from a module to the package's root are the same.
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.20',
  external: LEFT_AS_PACKAGES,
  banner: { js: REQUIRE },
  sourcemap: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
});
writeFileSync(join(DIST, 'LICENSES-OF-PACKAGES'), licencesOf(Object.keys(metafile.inputs)));

/** The licences of the packages that lie in the files made: they ask to go where their code goes. */
function licencesOf(inputs) {
  const packages = new Set(inputs.flatMap(path => path.match(/^node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []));
  return [...packages].sort().map(licenceOf).join('\n\n');
}

function licenceOf(path) {
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8'));
  const file = readdirSync(join(ROOT, path)).find(entry => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : `\n\n${readFileSync(join(ROOT, path, file), 'utf8').trim()}`;
  return `${name} ${version} (${license})${text}`;
}
