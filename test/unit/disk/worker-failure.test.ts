import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { createDirectoryWatcher } from '../../../src/disk/directory-watcher.ts';
import { createWorkerDisks } from '../../../src/disk/worker-disk.ts';

class FakeWorker extends EventEmitter {
  static readonly all: FakeWorker[] = [];
  constructor() {
    super();
    FakeWorker.all.push(this);
  }
  postMessage(): void {}
  async terminate(): Promise<void> {}
}

vi.mock('../../../src/disk/worker-entry.ts', () => ({ startWorker: () => new FakeWorker() }));

it('the death of a disk worker fails the calls on the way and all later ones, and is told once', async () => {
  const failures: string[] = [];
  const disks = createWorkerDisks({ onFailure: error => failures.push(error.code) });
  const disk = disks.open({ root: '/srv/docs', filters: { files: [], directories: [] } });
  const waiting = [disk.probe(), disk.sync()];
  const [ordered] = FakeWorker.all;
  ordered!.emit('error', new Error('out of memory'));
  ordered!.emit('exit', 1);
  for (const call of [...waiting, disk.settle()]) {
    await expect(call).rejects.toMatchObject({
      code: 'DISK_FAILED',
      message: expect.stringContaining('out of memory'),
    });
  }
  expect(failures).toEqual(['DISK_FAILED']);
  await disks.close();
});

it('the death of the watching thread degrades the watch and holds up nobody', async () => {
  const reasons: string[] = [];
  const watcher = createDirectoryWatcher({
    root: '/srv/docs',
    filters: { files: [], directories: [] },
    onHint: () => {},
    onDegraded: reason => reasons.push(reason),
  });
  FakeWorker.all.at(-1)!.emit('error', new Error('out of memory'));
  await watcher.ready;
  expect(reasons).toEqual(['the watching thread died: out of memory; changes are found by rescans only']);
  await watcher.close();
});
