import { chmod, lstat, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AdminBackend } from '../../../src/admin/backend.ts';
import { type AdminClient, createAdminClient } from '../../../src/admin/client.ts';
import { ADMIN_METHODS } from '../../../src/admin/methods.ts';
import { type AdminServer, createAdminServer } from '../../../src/admin/server.ts';
import { TandemError } from '../../../src/base/errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import { createFakeBackend, type FakeBackend } from './fake-backend.ts';

let directory: string;
let socketPath: string;
let backend: FakeBackend;
let closers: (() => unknown)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tandem-admin-'));
  socketPath = join(directory, 'admin.sock');
  backend = createFakeBackend();
  closers = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  await rm(directory, { recursive: true, force: true });
});

async function serve(changed: Partial<AdminBackend> = {}): Promise<AdminServer> {
  const server = await createAdminServer({ socketPath, backend: { ...backend, ...changed }, log: silentLog });
  closers.push(() => server.close());
  return server;
}

async function connect(options: { timeoutMs?: number } = {}): Promise<AdminClient> {
  const client = await createAdminClient(socketPath, options);
  closers.push(() => client.close());
  return client;
}

describe('over the socket', () => {
  test('every answer arrives just as the backend gave it', async () => {
    await serve();
    const client = await connect();
    expect(await client.status()).toEqual(await backend.status());
    expect(await client.folders()).toEqual(await backend.folders());
    expect(await client.folder({ folder: 'docs' })).toEqual(await backend.folder({ folder: 'docs' }));
    expect(await client.folderVector({ folder: 'docs' })).toEqual(await backend.folderVector({ folder: 'docs' }));
    expect(await client.connections()).toEqual(await backend.connections());
    expect(await client.connection({ connection: 'beta:alpha' })).toEqual(
      await backend.connection({ connection: 'beta:alpha' }),
    );
    expect(await client.sessions({ limit: 2 })).toEqual(await backend.sessions({ limit: 2 }));
    expect(await client.session({ session: 'x' })).toEqual(await backend.session({ session: 'x' }));
    expect(await client.localMember()).toEqual(await backend.localMember());
    expect(await client.fileSystems()).toEqual(await backend.fileSystems());
    expect(await client.updates({ limit: 5 })).toEqual(await backend.updates({ limit: 5 }));
    const backlog = { from: 'alpha', to: 'beta', folder: 'docs', limit: 10 };
    expect(await client.backlog(backlog)).toEqual(await backend.backlog(backlog));
    expect(await client.conflicts({ limit: 5 })).toEqual(await backend.conflicts({ limit: 5 }));
    expect(await client.conflict({ id: 'c1' })).toEqual(await backend.conflict({ id: 'c1' }));
    expect(await client.record({ file: '/srv/docs/ä' })).toEqual(await backend.record({ file: '/srv/docs/ä' }));
    expect(await client.events({ limit: 2 })).toEqual(await backend.events({ limit: 2 }));
  });

  test('orders arrive with all they say, and what they leave out stays left out', async () => {
    await serve();
    const client = await connect();
    await client.rescan({ folder: 'docs' });
    await client.release({ folder: 'docs', decision: 'refuse' });
    await client.updates({ limit: 9 });
    expect(await client.restoreConflict({ id: 'c1', to: 'b/x', copy: true })).toEqual({ path: 'b/x' });
    expect(await client.restoreConflict({ id: 'c1', folder: undefined, copy: false })).toEqual({
      path: 'a/report.txt',
    });
    await client.deleteConflict({ id: 'c1', folder: 'docs' });
    expect(backend.orders).toEqual([
      { name: 'rescan', order: { folder: 'docs' } },
      { name: 'release', order: { folder: 'docs', decision: 'refuse' } },
      { name: 'updates', order: { folder: undefined, limit: 9 } },
      { name: 'restoreConflict', order: { id: 'c1', to: 'b/x', copy: true } },
      { name: 'restoreConflict', order: { id: 'c1', copy: false } },
      { name: 'deleteConflict', order: { id: 'c1', folder: 'docs' } },
    ]);
  });

  test('an error arrives with its code and its sentence', async () => {
    await serve();
    const client = await connect();
    await expect(client.folder({ folder: 'dosc' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no folder “dosc”; did you mean “docs”? Known: docs, media',
    });
    await expect(client.release({ folder: 'docs', decision: 'retry' })).rejects.toMatchObject({ code: 'REFUSED' });
  });

  test('requests that break their form are refused before the backend sees them', async () => {
    await serve();
    const client = await connect();
    await expect(client.folder({ folder: '' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(client.updates({ limit: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(client.updates({ limit: 1_000_000 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(client.release({ folder: 'docs', decision: 'maybe' as never })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(backend.orders).toEqual([]);
  });

  test('a bug of the backend is an INTERNAL error, and the server goes on', async () => {
    await serve({ folders: () => Promise.reject(new Error('boom')) });
    const client = await connect();
    await expect(client.folders()).rejects.toMatchObject({ code: 'INTERNAL', message: 'boom' });
    expect((await client.connections()).connections).toHaveLength(1);
  });

  test('20 000 updates fit into one answer', async () => {
    const { updates } = await backend.updates({ limit: 1 });
    const many = Array.from({ length: 20_000 }, () => updates[0]!);
    await serve({ updates: async () => ({ total: 20_000, updates: many }) });
    expect((await (await connect()).updates({ limit: 20_000 })).updates).toHaveLength(20_000);
  });

  test('events are followed until the signal, which the backend sees', async () => {
    let ended = false;
    await serve({
      followEvents: async function* (query, signal) {
        signal.addEventListener('abort', () => {
          ended = true;
        });
        yield* backend.followEvents(query, signal);
      },
    });
    const client = await connect();
    const stop = new AbortController();
    const seen: number[] = [];
    for await (const event of client.followEvents({ after: 40 }, stop.signal)) {
      seen.push(event.Sequence);
      if (seen.length === 3) stop.abort();
    }
    expect(seen).toEqual([41, 42, 43]);
    await expect.poll(() => ended).toBe(true);
  });

  test('an error in the middle of a stream reaches who follows', async () => {
    await serve({
      followEvents: async function* () {
        yield (await backend.events({ limit: 1 })).events[0]!;
        throw new TandemError('STORE_FAILED', 'the journal cannot be read');
      },
    });
    const follow = async () => {
      for await (const _event of (await connect()).followEvents({}, new AbortController().signal));
    };
    await expect(follow()).rejects.toMatchObject({ code: 'STORE_FAILED', message: 'the journal cannot be read' });
  });

  test('closing ends those who follow, within a moment, and removes the socket', async () => {
    const server = await createAdminServer({ socketPath, backend, log: silentLog });
    const client = await connect();
    let seen = 0;
    const following = (async () => {
      for await (const _event of client.followEvents({}, new AbortController().signal)) seen++;
    })().catch(() => {});
    await expect.poll(() => seen).toBe(3);
    await server.close();
    await following;
    expect(await readdir(directory)).toEqual([]);
    await expect(client.folders()).rejects.toMatchObject({ code: 'DAEMON_UNREACHABLE' });
  });

  test('an answer that takes too long is given up', async () => {
    await serve({ folders: () => new Promise(() => {}) });
    const client = await connect({ timeoutMs: 50 });
    await expect(client.folders()).rejects.toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: expect.stringContaining('in time'),
    });
  });
});

describe('the socket', () => {
  test('is reachable for its owner only, and nothing else is left in the directory', async () => {
    await serve();
    const { mode } = await lstat(socketPath);
    expect(mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['admin.sock']);
  });

  test('of a daemon that died is replaced', async () => {
    const dead = createServer().listen(join(directory, 'x'));
    await new Promise(resolve => dead.once('listening', resolve));
    await (await import('node:fs/promises')).rename(join(directory, 'x'), socketPath);
    await new Promise(resolve => dead.close(resolve));
    expect((await lstat(socketPath)).isSocket()).toBe(true);
    await expect(createAdminClient(socketPath)).rejects.toMatchObject({ code: 'DAEMON_UNREACHABLE' });
    await serve();
    expect((await (await connect()).folders()).folders).toHaveLength(1);
  });

  test('of a running daemon is left alone', async () => {
    await serve();
    await expect(createAdminServer({ socketPath, backend, log: silentLog })).rejects.toMatchObject({
      code: 'HOME_LOCKED',
    });
    expect((await (await connect()).folders()).folders).toHaveLength(1);
  });

  test('does not replace a file, and needs a directory that others may not write to', async () => {
    await writeFile(socketPath, 'precious');
    await expect(createAdminServer({ socketPath, backend, log: silentLog })).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('not a socket'),
    });
    await expect(createAdminClient(socketPath)).rejects.toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: expect.stringContaining('not a socket'),
    });
    await rm(socketPath);
    await chmod(directory, 0o777);
    await expect(createAdminServer({ socketPath, backend, log: silentLog })).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('chmod go-w'),
    });
    const missing = join(directory, 'none', 'admin.sock');
    await expect(createAdminServer({ socketPath: missing, backend, log: silentLog })).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('does not exist'),
    });
    await expect(
      createAdminServer({ socketPath: `/${'x'.repeat(120)}`, backend, log: silentLog }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('that is not there, or a dangling link, means that no daemon runs', async () => {
    await expect(createAdminClient(socketPath)).rejects.toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: expect.stringContaining('tandem daemon'),
    });
    await symlink(join(directory, 'nowhere'), socketPath);
    await expect(createAdminClient(socketPath)).rejects.toMatchObject({ code: 'DAEMON_UNREACHABLE' });
  });
});

test('the table names every method of the service, once', async () => {
  const { loadAdminService } = await import('../../../src/admin/wire.ts');
  const rpcs = Object.values(ADMIN_METHODS).map(({ rpc }) => rpc);
  expect(new Set(rpcs)).toEqual(new Set(Object.keys(loadAdminService().service)));
  expect(new Set(rpcs).size).toBe(rpcs.length);
});
