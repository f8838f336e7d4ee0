import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createLocalDisk } from '../src/disk/local-disk.ts';
import { createNodeFileSystem } from '../src/disk/node-file-system.ts';
import { loadXxh64 } from '../src/disk/xxh64.ts';
const root = '/dev/shm/tandem-bench';
fs.rmSync(root, { recursive: true, force: true });
fs.mkdirSync(root);
const disk = createLocalDisk({ files: createNodeFileSystem(), root, filter: { excludesFile: n=>n.endsWith('.tmp'), excludesDirectory: () => false }, xxh64: await loadXxh64(), now: Date.now, pause: ms => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms); }, giveWay: () => new Promise(r => setImmediate(r)) });
await disk.claim({ folder: 'f', member: 'm', database: 'd', reservedVsn: 1, generation: 1 });
const N = 20000, DIRS = 200;
await disk.apply(Array.from({ length: DIRS }, (_, i) => ({ kind: 'make-directory' as const, path: `d${i}`, mode: 0o755 })));
const data = Array.from({ length: N }, (_, i) => { const b = Buffer.alloc(4096, i & 255); b.writeUInt32LE(i); return b; });
const hashes = data.map(d => createHash('sha256').update(d).digest('hex'));
const manifest = { path: '', uid: '', gvsn: '', conflictType: 7 as const, reason: '', member: '', partner: '', time: 0 };
let t = performance.now(); let ts = 0, ta = 0; let bad = 0;
for (let from = 0; from < N; from += 1000) {
  const ids = Array.from({ length: 1000 }, (_, k) => from + k);
  let u = performance.now();
  const staged = await disk.stageWhole(ids.map(i => ({ stagingId: `s${i}`, data: data[i]!, size: 4096, hash: hashes[i]!, mode: 0o644, mtimeNs: 1700000000000000000n })));
  ts += performance.now() - u; u = performance.now();
  const out = await disk.apply(ids.map((i, k) => ({ kind: 'install' as const, path: `d${i % DIRS}/f${i}`, expect: null, staged: { stagingId: `s${i}`, ino: (staged[k] as any).ino, size: 4096, hash: hashes[i]! }, preserve: { always: false, area: 'conflicts' as const, manifest: { ...manifest, path: `d/f${i}` } } })));
  bad += out.filter(o => o.kind !== 'done').length;
  ta += performance.now() - u;
  await disk.sync(); await disk.settle();
}
const all = performance.now() - t;
console.log('stage', ts | 0, 'apply', ta | 0, 'all+sync', all | 0, 'files/s', (N / (ts + ta) * 1000) | 0, 'bad', bad);
for (const round of [1, 2]) {
t = performance.now();
const known: any[] = [];
for (let from = 0; from < DIRS; from += 128) {
  const reqs = Array.from({ length: Math.min(128, DIRS - from) }, (_, k) => ({ path: `d${from + k}`, known: [], hashUpToBytes: 8 << 20, quietMs: 0 }));
  const a = await disk.scan(reqs);
  a.forEach((x: any, k) => known.push({ path: reqs[k]!.path, known: x.found.map((f: any) => ({ name: f.name, stat: f.stat })), n: x.found.filter((f: any) => f.content).length }));
}
console.log('fresh scan', N / (performance.now() - t) * 1000 | 0, '/s hashed', known.reduce((s, k) => s + k.n, 0));
t = performance.now(); let un = 0;
for (let from = 0; from < DIRS; from += 128) {
  const a = await disk.scan(known.slice(from, from + 128).map(k => ({ path: k.path, known: k.known, hashUpToBytes: 1 << 20, quietMs: 0 })));
  for (const x of a as any) un += x.unchanged;
}
console.log('unchanged', un / (performance.now() - t) * 1000 | 0, '/s', un);
}
fs.rmSync(root, { recursive: true, force: true });
