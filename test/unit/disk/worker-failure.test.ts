import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
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

it('the death of the thread that watches holds up nobody who waits for the watch', async () => {
  const failures: string[] = [];
  const disks = createWorkerDisks({ onFailure: error => failures.push(error.message) });
  const listener = { onHint: () => {}, onDegraded: () => {} };
  const task = { root: '/srv/docs', filters: { files: [], directories: [] } };
  const watcher = disks.watch(task, listener);
  FakeWorker.all.at(-1)!.emit('error', new Error('out of memory'));
  await watcher.ready;
  await disks.watch(task, listener).ready;
  expect(failures).toEqual(['a disk worker thread died: out of memory; restart the member']);
  await watcher.close();
});

it('no thread is started once the disks are closed', async () => {
  const disks = createWorkerDisks({ onFailure: () => {} });
  await disks.close();
  const started = FakeWorker.all.length;
  const task = { root: '/srv/docs', filters: { files: [], directories: [] } };
  await disks.watch(task, { onHint: () => {}, onDegraded: () => {} }).ready;
  expect(() => disks.open(task)).toThrow('the member stops');
  expect(FakeWorker.all.length).toBe(started);
});
