/** What a request to a volume costs above the bare call, and what a volume takes of memory. `npx tsx test/bench/block.ts [DIRECTORY]` */
import * as fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNodeBlockFiles } from '../../src/block/node-block-files.ts';
import { openVolume } from '../../src/block/volume.ts';
import { createVolume } from '../../src/block/volume-making.ts';

const SIZE = 256 * 1024 * 1024;
const REQUESTS = 30_000;

async function measure(
  name: string,
  depth: number,
  request: (buffer: Buffer, offset: number) => Promise<void>,
): Promise<void> {
  let left = REQUESTS;
  const start = process.hrtime.bigint();
  await Promise.all(
    Array.from({ length: depth }, async () => {
      const buffer = Buffer.alloc(4096, 7);
      while (left-- > 0) await request(buffer, Math.floor(Math.random() * (SIZE / 4096)) * 4096);
    }),
  );
  const us = Number(process.hrtime.bigint() - start) / REQUESTS / 1000;
  process.stdout.write(`${name.padEnd(28)} depth ${String(depth).padStart(2)}  ${us.toFixed(2)} µs\n`);
}

const root = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'tandem-bench-'));
try {
  const files = createNodeBlockFiles();
  const directory = join(root, 'disk');
  await createVolume({ files, directory, name: 'disk', uuid: '11111111-1111-4111-8111-111111111111', size: SIZE });
  const volume = await openVolume({ files, directory, name: 'disk' });
  const piece = Buffer.alloc(1024 * 1024, 1);
  for (let at = 0; at < SIZE; at += piece.length) await volume.write(at, piece);
  const fd = fs.openSync(join(directory, 'data'), 'r+');
  const pool = (call: typeof fs.read | typeof fs.write) => (buffer: Buffer, offset: number) =>
    new Promise<void>((resolve, reject) => {
      (call as typeof fs.read)(fd, buffer, 0, 4096, offset, error => (error ? reject(error) : resolve()));
    });
  for (const depth of [1, 16]) {
    await measure('fs.read', depth, pool(fs.read));
    await measure('volume.read', depth, (buffer, offset) => volume.read(offset, buffer));
    await measure('fs.write', depth, pool(fs.write));
    await measure('volume.write', depth, (buffer, offset) => volume.write(offset, buffer));
  }
  const start = process.hrtime.bigint();
  for (let at = 0; at < SIZE; at += piece.length) await volume.write(at, piece);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  process.stdout.write(`1 MiB sequential writes       ${Math.round(SIZE / 1048576 / seconds)} MiB/s\n`);
  fs.closeSync(fd);
  await volume.close();

  const big = join(root, 'big');
  await createVolume({
    files,
    directory: big,
    name: 'big',
    uuid: '22222222-2222-4222-8222-222222222222',
    size: 2 ** 42,
  });
  globalThis.gc?.();
  const before = process.memoryUsage();
  const opened = await openVolume({ files, directory: big, name: 'big' });
  globalThis.gc?.();
  const after = process.memoryUsage();
  const mib = (bytes: number): string => `${(bytes / 1048576).toFixed(1)} MiB`;
  process.stdout.write(
    `4 TiB opened: heap ${mib(after.heapUsed - before.heapUsed)}, buffers ${mib(after.arrayBuffers - before.arrayBuffers)}\n`,
  );
  await opened.close();
} finally {
  await rm(root, { recursive: true, force: true });
}
