import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type AdminServer, createAdminServer } from '../../../src/admin/server.ts';
import { silentLog } from '../../../src/base/log.ts';
import { COMMANDS } from '../../../src/cli/command-table.ts';
import { runCli } from '../../../src/cli/run.ts';
import { loadIdentity } from '../../../src/peer/identity.ts';
import { createFakeBackend, type FakeBackend } from '../admin/fake-backend.ts';

const CONFIG = fileURLToPath(new URL('../../../config/', import.meta.url));
let home: string;
let backend: FakeBackend;
let server: AdminServer;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tandem-cli-'));
  await cp(CONFIG, home, { recursive: true });
  backend = createFakeBackend();
  server = await createAdminServer({ socketPath: join(home, 'admin.sock'), backend, log: silentLog });
});
afterAll(async () => {
  await server.close();
  await rm(home, { recursive: true, force: true });
});
beforeEach(() => {
  (backend.orders as unknown[]).length = 0;
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  args: readonly string[],
  options: { columns?: number; stop?: AbortController; onOut?: (out: string) => void; input?: string } = {},
): Promise<Ran> {
  let out = '';
  let err = '';
  const terminal = {
    out: (text: string) => {
      out += text;
      options.onOut?.(out);
    },
    err: (text: string) => {
      err += text;
    },
    outBytes: async (bytes: Uint8Array) => {
      out += Buffer.from(bytes).toString('latin1');
    },
    input: async function* () {
      yield Buffer.from(options.input ?? '');
    },
    columns: options.columns ?? null,
  };
  const stop = options.stop ?? new AbortController();
  const code = await runCli(args, { terminal, interruption: () => stop.signal, version: '1.2.3' });
  return { code, out, err };
}

const tandem = (...args: string[]) => run([...args, '--home', home]);
const json = async (...args: string[]) => {
  const ran = await tandem(...args, '--json');
  expect(ran).toMatchObject({ code: 0, err: '' });
  return JSON.parse(ran.out);
};

describe('for programs', () => {
  test('records carry the property names of the classes, numbers with a sibling name, datetimes in UTC', async () => {
    const [connection] = await json('connection', 'list');
    expect(connection).toMatchObject({
      PartnerName: 'beta',
      Inbound: true,
      State: 3,
      StateName: 'In Error',
      LastSyncTime: '2025-03-01T12:00:00.000Z',
      LastSuccessfulSyncTime: '9999-01-01T00:00:00.000Z',
      InstallDate: null,
      LastErrorMessageId: 5008,
    });
    const [session] = await json('session', 'list');
    expect(session).toMatchObject({
      State: 2,
      StateName: 'In Progress',
      InitiationReasonName: 'Forced',
      EndTime: '1601-01-01T00:00:00.000Z',
    });
  });

  test('connections and sessions are shown one by one, and sessions by connection', async () => {
    expect(await json('connection', 'show', 'beta:alpha')).toMatchObject({
      PartnerName: 'beta',
      StateName: 'In Error',
    });
    expect(await tandem('connection', 'show', 'beta:gamma')).toMatchObject({
      code: 6,
      err: expect.stringContaining('beta → alpha'),
    });
    expect(await json('session', 'show', 'a-guid')).toMatchObject({ SyncGuid: 'a-guid' });
    expect(await json('session', 'list', '--limit', '1', '--connection', 'beta:alpha')).toHaveLength(1);
    expect((await tandem('session', 'list', '--limit', '1')).out).toContain('and 2 more');
    expect((await tandem('session', 'show', 'a-guid')).out).toMatch(/^SyncGuid +a-guid$/m);
  });

  test('every noun prints as JSON', async () => {
    expect(await json('member', 'show')).toMatchObject({ MemberName: 'alpha', StateName: 'Shutting Down' });
    expect(await json('file-system', 'list')).toMatchObject([{ VolumePath: '/srv', StateName: 'Shutting Down' }]);
    expect(Object.keys(await json('status'))).toEqual(['Service', 'Folders', 'Connections', 'Backlogs', 'Attention']);
    expect(await json('folder', 'list')).toMatchObject([
      { ReplicatedFolderName: 'docs', StateName: 'In Error', HaltDeletedFiles: 15_000, HaltChangedFiles: null },
    ]);
    expect(await json('folder', 'show', 'docs')).toMatchObject({
      FileCount: 20_000,
      Members: [{ MemberName: 'alpha' }],
    });
    expect(await json('folder', 'vector', 'docs')).toMatchObject({
      Text: 'x → 8..99',
      Vector: [{ Low: 8, High: 2 ** 52 }, {}],
    });
    expect(await json('update', 'list')).toMatchObject([
      { UpdateState: 5, UpdateStateName: 'Blocked', Reason: 'waits for its directory' },
    ]);
    expect(await json('backlog', '--from', 'alpha', '--to', 'beta', '--folder', 'docs')).toMatchObject({
      from: 'alpha',
      BacklogFileCount: 3,
      BacklogSizeInBytes: 5000,
      Files: [{ FullPathName: 'a.txt' }],
    });
    expect(await json('conflict', 'list')).toMatchObject([
      { Id: 'c1', ConflictTypeName: 'Remote Update/Local Update' },
    ]);
    expect(await json('conflict', 'show', 'c1')).toMatchObject({ Id: 'c1', ConflictType: 7 });
    expect(await json('record', 'show', '/srv/docs/x')).toMatchObject({
      FullPathName: '/srv/docs/x',
      Clock: 1_740_830_405_123_456,
    });
    expect(await json('event', 'list', '--after', '1')).toMatchObject([
      { Sequence: 2, EventId: 4412 },
      { Sequence: 3 },
    ]);
  });

  test('orders print what was done', async () => {
    expect(await json('folder', 'rescan', 'docs')).toEqual({ folder: 'docs', ordered: true });
    expect(await json('folder', 'release', 'docs', '--accept')).toEqual({ folder: 'docs', decision: 'accept' });
    expect(await json('conflict', 'restore', 'c1', '--to', 'b/x', '--copy')).toEqual({ id: 'c1', path: 'b/x' });
    expect(await json('conflict', 'delete', 'c1', '--folder', 'docs')).toEqual({ id: 'c1', deleted: true });
    expect(backend.orders.map(({ name }) => name)).toEqual(['rescan', 'release', 'restoreConflict', 'deleteConflict']);
    expect(backend.orders[2]!.order).toEqual({ id: 'c1', to: 'b/x', copy: true });
  });

  test('an order to fence says all of it, and prints what it came to', async () => {
    expect(await json('folder', 'fence', 'docs', '--dry-run')).toMatchObject({
      ReplicatedFolderName: 'docs',
      FullPathName: '',
      Mode: 4,
      ModeName: 'Fence',
      Stage: 'counted',
      FileCount: 12,
    });
    await json('folder', 'fence', 'docs', 'a/b', '--mode', 'unfence', '--only');
    expect(backend.orders.map(({ order }) => order)).toEqual([
      { folder: 'docs', file: undefined, mode: 4, recursive: true, dryRun: true },
      { folder: 'docs', file: 'a/b', mode: 0, recursive: false, dryRun: false },
    ]);
    expect((await tandem('folder', 'fence', 'docs', 'a')).out).toBe(
      '12 files, 3 directories, 1 symlinks and 2 deletions of “a” in docs have mode Fence, fence 1740830405123 now\n',
    );
    expect((await tandem('folder', 'fence', 'docs', '--dry-run')).out).toContain('of docs would get mode Fence');
  });

  test('followed events are one object a line', async () => {
    const stop = new AbortController();
    const onOut = (out: string) => out.split('\n').length > 3 && stop.abort();
    const { code, out } = await run(['event', 'follow', '--after', '9', '--json', '--home', home], { stop, onOut });
    expect(code).toBe(0);
    expect(
      out
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).Sequence),
    ).toEqual([10, 11, 12]);
  });
});

describe('for people', () => {
  test('status shows the member, folders, connections and what needs a hand, with the command', async () => {
    const { out, code } = await tandem('status');
    expect(code).toBe(0);
    expect(out).toContain('alpha of projects: Running, Tandem 0.1.0, listens on 0.0.0.0:7420');
    expect(out).toMatch(/docs +In Error +20000 +3\.00 TiB/);
    expect(out).toMatch(/beta → alpha +Degraded +beta +yes +In Error +– +connection refused/);
    expect(out).toContain(
      'Needs a hand:\ndocs: 15000 of 20000 files were deleted\n    tandem folder release docs --accept\n',
    );
  });

  test('tables have names in place of numbers, and nothing is shortened where there is no terminal', async () => {
    const { out } = await tandem('update', 'list');
    expect(out.split('\n')[0]).toMatch(/^STATE +SINCE +FILE +FOLDER +PARTNER +INBOUND +SIZE +WAITS FOR$/);
    expect(out).toContain('Blocked');
    expect(out).toContain(`a/${'deep/'.repeat(30)}report\\x0a.txt`);
    expect(out).toContain('and 11 more; see them with --limit 12');
  });

  test('tables fit the terminal, paths losing their middle', async () => {
    const { out } = await run(['update', 'list', '--home', home], { columns: 110 });
    const [, line] = out.split('\n');
    for (const each of out.split('\n').slice(0, 2)) expect(each.length).toBeLessThanOrEqual(110);
    expect(line).toMatch(/a\/d\S*…\S*\\x0a\.txt/);
  });

  test('one record prints one property a line', async () => {
    const { out } = await tandem('folder', 'show', 'docs');
    expect(out).toMatch(/^HaltDetail +15000 of 20000 files were deleted$/m);
    expect(out).toMatch(/^HaltCommand +tandem folder release docs --accept$/m);
    expect((await tandem('record', 'show', 'x', '--folder', 'docs')).out).toMatch(
      /^HeldBack +excluded by the filter \*\.tmp$/m,
    );
    expect((await tandem('conflict', 'show', 'c1')).out).toMatch(/^ConflictType +Unrecorded Content$/m);
  });

  test('the other lists and orders', async () => {
    expect((await tandem('folder', 'list')).out).toMatch(/^docs +In Error/m);
    expect((await tandem('folder', 'vector', 'docs')).out).toMatch(/^DATABASE +MEMBER +ABOVE +UP TO$/m);
    expect((await tandem('connection', 'list')).out).toContain('connection refused');
    expect((await tandem('session', 'list')).out).toContain('In Progress');
    expect((await tandem('backlog', '--from', 'alpha', '--to', 'beta', '--folder', 'docs')).out).toContain(
      'backlog of docs from alpha to beta: 3 updates, 4.88 KiB',
    );
    expect((await tandem('conflict', 'list')).out).toMatch(/^c1 /m);
    expect((await tandem('event', 'list')).out).toMatch(/information +4412 +CONFLICT +event 1/);
    expect((await tandem('folder', 'rescan', 'docs')).out).toBe('a full scan of docs is ordered\n');
    expect((await tandem('folder', 'release', 'docs', '--refuse')).out).toBe('docs is released: refuse\n');
    expect((await tandem('conflict', 'restore', 'c1')).out).toBe('c1 is back at a/report.txt\n');
    expect((await tandem('conflict', 'delete', 'c1')).out).toBe('c1 is deleted\n');
  });

  test('a path of record show is taken from the working directory, a UID and a path in a folder as they are', async () => {
    const shown = async (...args: string[]) => (await json('record', 'show', ...args)).FullPathName;
    expect(await shown('x/../y')).toBe(join(process.cwd(), 'y'));
    expect(await shown('x/y', '--folder', 'docs')).toBe('x/y');
    const uid = '{3F1B2C9E-5D1A-4C7E-9A55-0D8F6F0E1B7A}-v538';
    expect(await shown(uid)).toBe(uid);
  });
});

describe('refused with a sentence and the documented exit code', () => {
  test.each<[string[], number, string]>([
    [['folder', 'show', 'dosc'], 6, 'there is no folder “dosc”; did you mean “docs”? Known: docs, media'],
    [['update', 'list', '--folder', 'x'], 6, 'there is no folder “x”; known: docs, media'],
    [['backlog', '--from', 'alpha', '--to', 'gamma', '--folder', 'docs'], 6, 'there is no member “gamma”'],
    [['conflict', 'delete', 'nope'], 6, '“tandem conflict list” shows them'],
    [['folder', 'release', 'docs', '--retry'], 7, 'accept or refuse'],
    [['folder', 'release', 'docs'], 2, 'give one of --accept, --refuse and --retry'],
    [['folder', 'release', 'docs', '--accept', '--refuse'], 2, 'give one of'],
    [['folder', 'fence', 'docs', '--mode', 'high'], 2, '“high” is no mode; write unfence, initial-sync'],
    [['folder', 'fence', 'docs', '--only'], 2, '--only goes with a path'],
    [['folder', 'fence', 'dosc'], 6, 'did you mean “docs”?'],
    [['update', 'list', '--limit', '0'], 2, '“0” is no limit; give a whole number from 1 to 20000'],
    [['update', 'list', '--limit', 'many'], 2, '“many” is no limit'],
    [['event', 'list', '--after', '-1'], 2, '“-1” is no position'],
    [['folder', 'lst'], 2, 'Did you mean list?'],
    [['folder', 'show'], 2, "missing required argument 'folder'"],
    [['backlog', '--from', 'alpha'], 2, "required option '--to <member>' not specified"],
    [['status', '--jsno'], 2, 'Did you mean --json?'],
    [['init', 'x', '--listen', 'nowhere'], 2, 'is not an address; write host:port'],
    [['init', ''], 2, 'cannot be a name; use 1 to 64 letters'],
    [['init', 'a/b'], 2, '“a/b” cannot be a name'],
    [['config', 'explain', 'quite'], 6, 'there is no key “quite”; did you mean “quiet”?'],
  ])('tandem %j ends with %i', async (args, code, words) => {
    const ran = args[0] === 'config' ? await run(args) : await tandem(...args);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(words);
    expect(ran.out).toBe('');
  });

  test('no daemon, no member, no socket', async () => {
    const missing = await run(['status', '--socket', join(home, 'none.sock')]);
    expect(missing).toMatchObject({ code: 5, err: expect.stringContaining('start it with “tandem daemon') });
    const nobody = await run(['status', '--home', join(home, 'nobody')]);
    expect(nobody).toMatchObject({ code: 5, err: expect.stringContaining('there is no member in') });
    expect(await run(['folder', 'list', '--socket', join(home, 'admin.sock'), '--json'])).toMatchObject({ code: 0 });
    expect(await run(['--home', home, 'folder', 'list'])).toMatchObject({ code: 0 });
  });
});

describe('init', () => {
  test('makes a member and prints what belongs into group.yaml', async () => {
    const fresh = join(home, 'fresh');
    const ran = await run(['init', 'gamma', '--home', fresh, '--listen', '127.0.0.1:7499', '--json']);
    expect(ran).toMatchObject({ code: 0, err: '' });
    const identity = await loadIdentity(join(fresh, 'identity'));
    expect(JSON.parse(ran.out)).toEqual({
      name: 'gamma',
      guid: identity.guid,
      address: '127.0.0.1:7499',
      certificate: identity.certificate,
    });
    expect((await stat(fresh)).mode & 0o077).toBe(0);
    const again = await run(['init', 'gamma', '--home', fresh]);
    expect(again).toMatchObject({ code: 3, out: '', err: expect.stringContaining('already holds a member') });
  });

  test('prints for people the YAML lines, which the loader accepts with the identity', async () => {
    const fresh = join(home, 'delta');
    const ran = await run([
      'init',
      'delta',
      '--home',
      fresh,
      '--listen',
      '0.0.0.0:7498',
      '--address',
      'delta.example:7498',
    ]);
    expect(parse(ran.out).members.delta).toMatchObject({ address: 'delta.example:7498' });
    expect(ran.err).toContain('tandem daemon --home');
    const guid = (n: number) => `11111111-2222-4333-8444-55555555555${n}`;
    await writeFile(
      join(fresh, 'group.yaml'),
      `group: { name: g, guid: ${guid(1)} }\n${ran.out}folders:\n  f: { guid: ${guid(2)}, members: { delta: /srv/f } }\n`,
    );
    const checked = await run(['config', 'check', fresh]);
    expect(checked).toMatchObject({ code: 0, out: expect.stringContaining('valid: group g with 1 members') });
    expect(checked.out).toContain('mind: folder f lies on one member only');
    await writeFile(
      join(fresh, 'group.yaml'),
      (await readFile(join(fresh, 'group.yaml'), 'utf8')).replace(/guid: (?!1111)[^\n]+/, `guid: ${guid(3)}`),
    );
    expect(await run(['config', 'check', '--home', fresh])).toMatchObject({
      code: 3,
      err: expect.stringContaining('this host’s identity has the GUID'),
    });
  });
});

describe('config', () => {
  test('check accepts the examples, as a home and as a file', async () => {
    expect(await run(['config', 'check', CONFIG])).toMatchObject({
      code: 0,
      out: expect.stringContaining('valid: group projects with 2 members, 2 enabled connections, 2 folders'),
    });
    const checked = await run(['config', 'check', join(CONFIG, 'group.yaml'), '--json']);
    expect(JSON.parse(checked.out)).toMatchObject({ valid: true, group: 'projects', remarks: [] });
  });

  test('check names what is wrong with its place', async () => {
    const file = join(home, 'wrong.yaml');
    await writeFile(file, 'group: { name: g, guid: 1 }\n');
    const ran = await run(['config', 'check', file]);
    expect(ran.code).toBe(3);
    expect(ran.err).toContain(`${file}:1:25: group.guid: expected a GUID`);
    expect(await run(['config', 'check', join(home, 'none.yaml')])).toMatchObject({
      code: 3,
      err: expect.stringContaining('does not exist'),
    });
  });

  test('explain tells what a key expects and means', async () => {
    expect((await run(['config', 'explain', 'quiet'])).out).toContain(
      'folders.<folder>.quiet  (group.yaml, default 100ms)',
    );
    expect(JSON.parse((await run(['config', 'explain', '--json'])).out)).toContainEqual(
      expect.objectContaining({ file: 'member.yaml', key: 'listen', required: true, default: null }),
    );
  });
});

describe('help', () => {
  test('each command has a summary and examples that begin with its words', async () => {
    for (const spec of COMMANDS) {
      const ran = await run([...spec.words, '--help']);
      expect(ran.code).toBe(0);
      expect(ran.out).toContain(spec.summary.slice(0, 30));
      expect(spec.examples.length).toBeGreaterThan(0);
      for (const example of spec.examples) {
        expect(example.startsWith(spec.words.join(' '))).toBe(true);
        expect(ran.out).toContain(`$ tandem ${example}`);
      }
    }
  });

  test('the version is printed', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n' });
  });

  test('the program itself runs and ends with the exit code', async () => {
    const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
    const start = (...args: string[]) => promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...args]);
    expect(JSON.parse((await start('folder', 'list', '--json', '--home', home)).stdout)).toMatchObject([
      { ReplicatedFolderName: 'docs' },
    ]);
    await expect(start('folder', 'show', 'nope', '--home', home)).rejects.toMatchObject({
      code: 6,
      stderr: expect.stringContaining('tandem: there is no folder “nope”'),
    });
  });
});

describe('orders to connections', () => {
  test('are understood as words and as the numbers of the methods', async () => {
    await tandem('connection', 'force', 'beta', '--mode', 'sync', '--minutes', '60', '--bandwidth', '16Mbps');
    await tandem('connection', 'force', 'beta', '--mode', '3', '--minutes', '5', '--bandwidth', '0x0');
    await tandem('connection', 'force', 'beta', '--mode', 'until-in-sync');
    await tandem('connection', 'force', 'beta', '--mode', 'schedule');
    await tandem('folder', 'force', 'docs', '--connection', 'beta', '--minutes', '10081', '--bandwidth', '16');
    expect(backend.orders.map(({ order }) => order)).toEqual([
      { connection: 'beta', mode: 2, durationMinutes: 60, bandwidth: 10 },
      { connection: 'beta', mode: 3, durationMinutes: 5, bandwidth: 0 },
      { connection: 'beta', mode: 4, durationMinutes: 0, bandwidth: 15 },
      { connection: 'beta', mode: 1, durationMinutes: 0, bandwidth: 15 },
      { folder: 'docs', connection: 'beta', durationMinutes: 10_081, bandwidth: 16 },
    ]);
  });

  test('answer a number and a sentence; what failed is also the exit code', async () => {
    expect(await tandem('connection', 'check', 'beta')).toEqual({ code: 0, out: 'beta answered in 3 ms\n', err: '' });
    expect(await json('connection', 'check', 'beta')).toEqual({
      ReturnValue: 0,
      ReturnValueName: 'SUCCESS',
      Message: 'beta answered in 3 ms',
      ErrorCode: '',
    });
    const failed = await tandem('connection', 'check', 'gamma', '--json');
    expect(failed).toMatchObject({ code: 8, err: 'tandem: gamma cannot be reached\n' });
    expect(JSON.parse(failed.out)).toMatchObject({ ReturnValue: 1722, ReturnValueName: 'RPC_S_SERVER_UNAVAILABLE' });
    const missing = await tandem('update', 'force-download', 'x', '--folder', 'docs', '--connection', 'beta');
    expect(missing).toEqual({ code: 6, out: '', err: 'tandem: there is no record of x\n' });
  });

  test.each([
    [['--mode', 'fast'], '“fast” is no mode; write schedule, sync, stop, until-in-sync, or 1 to 4'],
    [['--mode', 'sync', '--minutes', '1.5'], '“1.5” is no number of minutes'],
    [['--mode', 'sync', '--bandwidth', '3Mbps'], '“3Mbps” is no bandwidth level; write one of off, 16kbps'],
  ])('%o is not understood', async (options, words) => {
    const ran = await tandem('connection', 'force', 'beta', ...options);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain(words);
    expect(backend.orders).toEqual([]);
  });
});

describe('bundles', () => {
  const orders = () => backend.orders.map(({ order }) => order);

  test('go into a file and come out of one', async () => {
    const path = join(home, 'made');
    const made = await tandem('bundle', 'export', '--folder', 'docs', '--for', 'beta', '--out', path, '--full');
    expect(made).toEqual({ code: 0, out: `${path} has all of it\n`, err: '5 updates, 1 KiB\n' });
    expect(await tandem('bundle', 'import', path)).toEqual({
      code: 0,
      out: '9 updates were taken in\n',
      err: 'the bundle is being checked\n',
    });
    expect(orders()).toEqual([
      { folder: 'docs', member: 'beta', path, full: true },
      { path, content: 'a bundle' },
    ]);
    expect(await json('bundle', 'import', path)).toMatchObject({ Done: true, Complete: true, Updates: 9 });
  });

  test('pass through the output and the input, and leave nothing in the home', async () => {
    const made = await tandem('bundle', 'export', '--folder', 'docs', '--for', 'beta', '--out', '-');
    expect(made).toMatchObject({ code: 0, out: 'a bundle', err: expect.stringContaining('has all of it') });
    const taken = await run(['bundle', 'import', '-', '--home', home], { input: 'what came in' });
    expect(taken).toMatchObject({ code: 0, out: '9 updates were taken in\n' });
    expect(orders()).toMatchObject([{ full: false }, { content: 'what came in' }]);
    expect((await readdir(home)).filter(name => name.startsWith('passing-'))).toEqual([]);
    const shown = await run(['bundle', 'export', '--folder', 'docs', '--for', 'beta', '--out', '-', '--home', home], {
      columns: 80,
    });
    expect(shown).toMatchObject({ code: 2, out: '', err: expect.stringContaining('nothing for a terminal') });
  });

  test('one that is not dealt with as a whole is no success', async () => {
    const path = join(home, 'half');
    await writeFile(path, 'a bundle');
    const failed = await tandem('bundle', 'import', path, '--json');
    expect(failed).toMatchObject({ code: 7, err: 'tandem: 2 updates wait to be tried again\n' });
    expect(JSON.parse(failed.out)).toMatchObject({ Done: true, Complete: false });
  });
});

describe('ordered synchronisations', () => {
  const sums = () => backend.orders.filter(({ name }) => name === 'replicaSync').map(({ order }) => order);

  test('options are understood as words and as the sum of the API', async () => {
    await tandem('sync', 'docs', '--from', 'beta');
    await tandem('sync', 'docs', '--from', 'beta', '--full', '--force', '--no-discard', '--add-reference', '--urgent');
    await tandem('sync', 'docs', '--all-sources', '--async', '--periodic', '--writeable', '--intersite-messaging');
    await tandem('sync', 'docs', '--from', 'beta', '--options', '0x21', '--force');
    await tandem('sync', 'docs', '--from', 'beta', '--options', '4294967296');
    expect(sums()).toEqual([
      { folder: 'docs', source: 'beta', options: 0 },
      { folder: 'docs', source: 'beta', options: 0x3e0 },
      { folder: 'docs', options: 0x1f },
      { folder: 'docs', source: 'beta', options: 0x121 },
      { folder: 'docs', source: 'beta', options: 2 ** 32 },
    ]);
    const bad = await tandem('sync', 'docs', '--from', 'beta', '--options', 'many');
    expect(bad).toMatchObject({ code: 2, out: '', err: expect.stringContaining('“many” is no sum of options') });
  });

  test('progress goes to the error output, the result to the output and the exit code', async () => {
    expect(await tandem('sync', 'docs', '--from', 'beta')).toEqual({
      code: 0,
      out: 'folder docs has all that beta has\n',
      err: 'calling beta\n',
    });
    expect(await json('sync', 'docs', '--from', 'beta')).toMatchObject({
      SerialNumber: 4,
      Done: true,
      ReturnValue: 0,
      ReturnValueName: 'SUCCESS',
    });
    const failed = await tandem('sync', 'docs', '--from', 'gamma', '--json');
    expect(failed).toMatchObject({ code: 6, err: 'tandem: gamma is no source of folder docs here (8452)\n' });
    expect(JSON.parse(failed.out)).toMatchObject({ ReturnValue: 8452, ReturnValueName: 'DRA_NO_REPLICA' });
  });

  test('the queue is listed and cancelled, sources are listed', async () => {
    expect(await json('queue', 'list')).toMatchObject([{ SerialNumber: 4 }]);
    expect(await tandem('queue', 'cancel', '4')).toMatchObject({ code: 0, out: 'synchronisation 4 is cancelled\n' });
    expect(await tandem('queue', 'cancel', '5')).toMatchObject({ code: 6 });
    expect(await tandem('queue', 'cancel', 'x')).toMatchObject({ code: 2 });
    expect(await json('replica-source', 'list')).toMatchObject([{ SourceName: 'beta' }]);
    expect(await tandem('replica-source', 'list', '--folder', 'nope')).toMatchObject({ code: 6 });
  });
});
