import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { placeSocket, probeSocket } from '../../../src/base/unix-socket.ts';

let directory: string;
let server: Server;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'socket-'));
  server = createServer();
});
afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

const placed = (path: string, seen: (temporaryPath: string) => void = () => {}) =>
  placeSocket(
    { path, what: 'the socket', setting: 'a path', taken: { code: 'HOME_LOCKED', message: 'taken' } },
    temporaryPath =>
      new Promise(resolve => {
        seen(temporaryPath);
        server.listen(temporaryPath, resolve);
      }),
  );

test('a socket is made inside its own directory: the one above may belong to somebody else', async () => {
  let temporary = '';
  const path = join(directory, 's');
  const remove = await placed(path, seen => {
    temporary = seen;
  });
  expect(dirname(dirname(temporary))).toBe(directory);
  expect(readdirSync(directory)).toEqual(['s']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await probeSocket(path)).toBe('answers');
  await expect(placed(path)).rejects.toMatchObject({ code: 'HOME_LOCKED' });
  await remove();
  expect(readdirSync(directory)).toEqual([]);
});

test('what took the place of a socket stays when that one is removed', async () => {
  const path = join(directory, 's');
  const remove = await placed(path);
  rmSync(path);
  const other = createServer();
  await new Promise<void>(resolve => {
    other.listen(path, resolve);
  });
  await remove();
  expect(await probeSocket(path)).toBe('answers');
  other.close();
});
