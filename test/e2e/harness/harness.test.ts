/** The harness is measured before it measures: what it calls equal is equal, and what it breaks is broken. */
import { chmodSync, cpSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createChance } from './chance.ts';
import { makeEdits } from './edits.ts';
import { put } from './files.ts';
import { makeOddTree, makePlainTree } from './generate.ts';
import { runWell } from './program.ts';
import { startProxy } from './proxy.ts';
import { testWorkspace } from './scenario.ts';
import { compareTrees, readTree } from './tree.ts';
import { until } from './until.ts';

describe('trees', () => {
  test('the same seed makes the same odd tree, and a copy by cp -a is equal', async () => {
    const { path } = testWorkspace('harness');
    for (const name of ['one', 'two']) makeOddTree(join(path, name), createChance(1));
    await runWell('cp', ['-a', join(path, 'one'), join(path, 'copy')]);
    const [one, two, copy] = ['one', 'two', 'copy'].map(name => readTree(join(path, name), { contents: true }));
    expect(compareTrees(one!, copy!)).toEqual([]);
    const timeless = compareTrees(one!, two!, 10_000).filter(({ says }) => !says.startsWith('modified'));
    expect(timeless).toEqual([]);
    expect(one!.size).toBeGreaterThan(180);
  });

  test('every kind of difference is seen', async () => {
    const { path } = testWorkspace('harness');
    const [left, right] = [join(path, 'left'), join(path, 'right')];
    put(left, { content: 'aaaa', size: 'a', mode: 'm', time: 't', kind: 'k', 'dir/gone': 'g' });
    symlinkSync('here', join(left, 'link'));
    for (const name of ['content', 'size', 'mode', 'time', 'kind']) utimesSync(join(left, name), 1000, 1000);
    await runWell('cp', ['-a', left, right]);
    expect(compareTrees(readTree(left, { contents: true }), readTree(right, { contents: true }))).toEqual([]);
    put(right, { content: 'bbbb', size: 'aa', 'new one': 'n', '.tandem/ours': 'left out' });
    for (const name of ['content', 'size']) utimesSync(join(right, name), 1000, 1000);
    chmodSync(join(right, 'mode'), 0o600);
    utimesSync(join(right, 'time'), 1000, 1000.00001);
    for (const name of ['kind', 'link', 'dir/gone']) unlinkSync(join(right, name));
    put(right, { 'kind/is a directory': 'now' });
    symlinkSync('there', join(right, 'link'));
    const found = compareTrees(readTree(left, { contents: true }), readTree(right, { contents: true }));
    expect(found.map(({ path: at }) => at).sort()).toEqual([
      'content',
      'dir/gone',
      'kind',
      'kind/is a directory',
      'link',
      'mode',
      'new one',
      'size',
      'time',
    ]);
    rmSync(right, { recursive: true });
    expect(compareTrees(readTree(left, { contents: false }), readTree(right, { contents: false })).length).toBe(8);
  });

  test('edits by chance change the tree, and the same way for the same seed', () => {
    const { path } = testWorkspace('harness');
    const [one, two] = [join(path, 'one'), join(path, 'two')];
    makePlainTree(one, 100, createChance(2));
    cpSync(one, two, { recursive: true, preserveTimestamps: true });
    const before = readTree(one, { contents: true });
    for (const root of [one, two]) makeEdits(root, 80, createChance(3));
    const after = [one, two].map(root =>
      [...readTree(root, { contents: true })].map(([at, entry]) => [at, entry.kind, entry.sha256, entry.target]),
    );
    expect(new Map(after[0]!.map(([at, ...rest]) => [at, rest]))).toEqual(
      new Map(after[1]!.map(([at, ...rest]) => [at, rest])),
    );
    expect(compareTrees(before, readTree(one, { contents: true })).length).toBeGreaterThan(10);
  });
});

describe('the proxy', () => {
  test('passes, counts, delays, falls silent and cuts', async () => {
    const echo = createServer(socket => socket.pipe(socket)).listen(0, '127.0.0.1');
    await until('the echo listens', () => echo.listening);
    const proxy = await startProxy({ host: '127.0.0.1', port: (echo.address() as { port: number }).port });
    onTestFinished(async () => {
      await proxy.close();
      echo.close();
    });
    const caller = await opened(proxy.port);
    const payload = createChance(1).bytes(3 << 20);
    const received: Buffer[] = [];
    const bytes = () => received.reduce((sum, chunk) => sum + chunk.length, 0);
    caller.on('data', chunk => received.push(chunk));
    caller.write(payload);
    await until('all came back', () => bytes() === payload.length);
    expect(Buffer.concat(received).equals(payload)).toBe(true);
    expect(proxy.counted).toEqual({ toServer: payload.length, toCaller: payload.length });

    proxy.delay(80);
    const sent = Date.now();
    caller.write('slow');
    await until('the slow answer', () => bytes() === payload.length + 4, { everyMs: 2 });
    expect(Date.now() - sent).toBeGreaterThanOrEqual(155);

    proxy.delay(0);
    proxy.set('silent');
    caller.write('held');
    await new Promise(resolve => setTimeout(resolve, 150));
    expect(bytes()).toBe(payload.length + 4);
    proxy.set('open');
    await until('what was held comes', () => bytes() === payload.length + 8);

    proxy.set('cut');
    await until('the connection is torn', () => caller.destroyed || caller.closed);
    const refused = connect(proxy.port, '127.0.0.1').resume();
    await until('a new one is refused', () => refused.destroyed || refused.closed || refused.readableEnded);
    proxy.set('open');
    (await opened(proxy.port)).destroy();
  });
});

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', error => {
      reject(error);
      socket.destroy();
    });
  });
}

test('a file that is written while a tree is read does no harm', () => {
  const { path } = testWorkspace('harness');
  writeFileSync(join(path, 'file'), 'x');
  expect(readTree(join(path, 'nothing here'), { contents: true }).size).toBe(0);
  expect(readTree(path, { contents: true }).size).toBe(1);
});
