import { Worker } from 'node:worker_threads';

/** Starts one of this room's worker threads; from its TypeScript source where this file is one (tests). */
export function startWorker(name: 'disk-worker' | 'watch-worker', workerData?: unknown): Worker {
  const fromSource = import.meta.url.endsWith('.ts');
  const url = new URL(`./${name}.${fromSource ? 'ts' : 'js'}`, import.meta.url);
  return new Worker(url, { name, workerData, execArgv: fromSource ? ['--import', 'tsx'] : [] });
}
