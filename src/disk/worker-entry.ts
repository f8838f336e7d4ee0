import { Worker } from 'node:worker_threads';

/** These threads work in batches of short-lived objects: a small nursery costs little time and saves much memory. */
const YOUNG_GENERATION_MB = 8;

/** Starts one of this room's worker threads; from its TypeScript source where this file is one (tests). */
export function startWorker(name: 'disk-worker'): Worker {
  const options = { name, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB } };
  // From wherever a build has put this line.
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL(`../disk/${name}.js`, import.meta.url), options);
  const source = new URL(`./${name}.ts`, import.meta.url).href;
  const loader = `import('tsx/esm/api').then(tsx => { tsx.register(); return import(${JSON.stringify(source)}); })`;
  return new Worker(loader, { ...options, eval: true });
}
