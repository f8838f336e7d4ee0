/** Bundles between two members that no link joins. */
import { copyFile, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BundleReportRecord } from '../../../src/admin/records/bundle-report.ts';
import type { SyncReportRecord } from '../../../src/admin/records/replica-sync.ts';
import type { GroupConfig } from '../../../src/config/config.ts';
import { SYNC_OPTIONS } from '../../../src/model/replica-sync.ts';
import { peekBundle } from '../../../src/peer/bundle-file.ts';
import type { Identity } from '../../../src/peer/identity.ts';
import { versionsToMemory } from '../../../src/replication/folder-core.ts';
import { makeIdentity } from '../peer/certificates.ts';
import { GROUP, groupWith, type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

const { ALL_SOURCES, ASYNCHRONOUS_OPERATION, INTERSITE_MESSAGING, FULL, PERIODIC, URGENT, WRITEABLE } = SYNC_OPTIONS;
const never = new AbortController().signal;
let identities: Record<string, Identity>;
let directory: string;
let pair: Pair;

beforeAll(async () => {
  const names = ['alpha', 'beta', 'gamma'];
  identities = Object.fromEntries(await Promise.all(names.map(async name => [name, await makeIdentity(name)])));
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tandem-bundle-'));
});
afterEach(async () => {
  await pair.stop();
  await rm(directory, { recursive: true, force: true });
});
afterAll(() => vi.restoreAllMocks());

const file = (name: string) => join(directory, `${name}.tandem`);

function withCertificates(group: GroupConfig, pinned: Record<string, Identity>): GroupConfig {
  const members = [...group.members.values()].map(
    member => [member.name, { ...member, certificate: pinned[member.name]!.certificate }] as const,
  );
  return { ...group, members: new Map(members) };
}

/** No link comes up between them until it is let. */
async function start(group: GroupConfig = GROUP, pinned = identities, alphaDigest = group.digest): Promise<void> {
  const keys = Object.fromEntries(Object.values(identities).map(({ name, key }) => [name, key]));
  const given = withCertificates(group, pinned);
  pair = await startPair(given, { ...given, digest: alphaDigest }, { keys, spool: directory, cut: ['alpha', 'beta'] });
}

async function last(reports: AsyncIterable<BundleReportRecord>): Promise<BundleReportRecord> {
  let found: BundleReportRecord | null = null;
  for await (const report of reports) found = report;
  expect(found?.Done).toBe(true);
  return found!;
}

function exported(from: TestMember, to: string, name: string, full = false): Promise<BundleReportRecord> {
  return last(from.backend.exportBundle({ folder: 'docs', member: to, path: file(name), full }, never));
}

const imported = (into: TestMember, name: string) => last(into.backend.importBundle({ path: file(name) }, never));

async function settled({ member, hint }: TestMember): Promise<void> {
  hint();
  await [...member.folders.values()][0]!.scanner.full();
}

function large(seed: number): Uint8Array {
  const data = new Uint8Array(1_500_000);
  for (let i = 0, state = seed; i < data.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    data[i] = state >>> 16;
  }
  return data;
}

const core = ({ member }: TestMember) => [...member.folders.values()][0]!.core;

/** Alpha has some files, and both have ended their first synchronisation. */
async function furnished(group?: GroupConfig): Promise<void> {
  await start(group);
  const { user } = pair.alpha;
  user.makeDirectory(`${ROOT}/dir`);
  user.writeFile(`${ROOT}/dir/small.txt`, 'small');
  user.writeFile(`${ROOT}/dir/empty`, '');
  user.writeFile(`${ROOT}/large`, large(1));
  for (let i = 0; i < 40; i++) user.writeFile(`${ROOT}/file-${i}`, `content ${i}`);
  await settled(pair.alpha);
}

describe('what one member has', () => {
  beforeEach(() => furnished());

  test('comes to the other one by hand, and nothing of it is new a second time', async () => {
    const { alpha, beta } = pair;
    const made = await exported(alpha, 'beta', 'one');
    expect(made).toMatchObject({ Complete: true, Updates: 44, LeftOut: 0, MemberName: 'beta' });
    expect(made.Message).toContain('all there is of folder docs');
    const taken = await imported(beta, 'one');
    expect(taken).toMatchObject({ Complete: true, Updates: 44, MemberName: 'alpha', ReplicatedFolderName: 'docs' });
    expect(beta.user.readFile(`${ROOT}/dir/small.txt`)).toEqual(alpha.user.readFile(`${ROOT}/dir/small.txt`));
    expect(beta.user.readFile(`${ROOT}/dir/empty`)).toHaveLength(0);
    expect(Buffer.compare(beta.user.readFile(`${ROOT}/large`), large(1))).toBe(0);
    for (let i = 0; i < 40; i++) expect(beta.user.exists(`${ROOT}/file-${i}`)).toBe(true);
    const again = await imported(beta, 'one');
    expect(again).toMatchObject({ Complete: true, Updates: 0, ContentBytes: 0 });
    expect(again.Message).toContain('was new');
    const vector = async ({ backend }: TestMember) => (await backend.folderVector({ folder: 'docs' })).text;
    expect(await vector(beta)).toBe(await vector(alpha));
    const sessions = (await beta.backend.sessions({ limit: 10 })).sessions;
    expect(sessions.find(({ State }) => State === 4)).toMatchObject({ UpdatesTransferred: 44, PartnerName: 'alpha' });
  });

  test('is not fetched again when a link comes up', async () => {
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    await imported(beta, 'one');
    pair.cut('alpha', false);
    pair.cut('beta', false);
    await vi.waitFor(() => expect(beta.member.inbound[0]!.sessions[0]!.inSync).toBe(true), 15_000);
    await vi.waitFor(() => expect(alpha.member.inbound[0]!.sessions[0]!.inSync).toBe(true), 15_000);
    for (const { member } of [alpha, beta]) expect(member.inbound[0]!.fetcher.bytesReceived).toBe(0);
    // What the link tells is believed before what a bundle told once.
    alpha.user.writeFile(`${ROOT}/news`, 'news');
    await settled(alpha);
    await vi.waitFor(() => expect(beta.user.exists(`${ROOT}/news`)).toBe(true), 15_000);
    await vi.waitFor(async () =>
      expect(await exported(alpha, 'beta', `all-${Date.now()}`)).toMatchObject({ Updates: 0 }),
    );
  });

  test('is followed by what is new since the other one told what it has', async () => {
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    await imported(beta, 'one');
    expect(await exported(beta, 'alpha', 'back')).toMatchObject({ Complete: true });
    expect(await imported(alpha, 'back')).toMatchObject({ Complete: true, Updates: 0 });
    alpha.user.writeFile(`${ROOT}/file-1`, 'changed');
    alpha.user.remove(`${ROOT}/file-2`);
    alpha.user.rename(`${ROOT}/dir`, `${ROOT}/moved`);
    await settled(alpha);
    const second = await exported(alpha, 'beta', 'two');
    expect(second).toMatchObject({ Updates: 3 });
    expect(second.Message).toContain('all that beta is not known to have');
    expect(await exported(alpha, 'beta', 'full', true)).toMatchObject({ Updates: 44 });
    expect(await imported(beta, 'two')).toMatchObject({ Complete: true, Updates: 3 });
    expect(String(beta.user.readFile(`${ROOT}/file-1`))).toBe('changed');
    expect(beta.user.exists(`${ROOT}/file-2`)).toBe(false);
    expect(beta.user.exists(`${ROOT}/moved/small.txt`)).toBe(true);
    // An older one changes nothing any more.
    expect(await imported(beta, 'one')).toMatchObject({ Complete: true, Updates: 0 });
    expect(await imported(beta, 'full')).toMatchObject({ Complete: true, Updates: 0 });
    expect(String(beta.user.readFile(`${ROOT}/file-1`))).toBe('changed');
  });

  test('leaves out the content of what was only renamed or given other attributes', async () => {
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    await imported(beta, 'one');
    await exported(beta, 'alpha', 'back');
    await imported(alpha, 'back');
    alpha.user.rename(`${ROOT}/file-1`, `${ROOT}/renamed`);
    alpha.user.setMode(`${ROOT}/file-2`, 0o600);
    await settled(alpha);
    alpha.user.rename(`${ROOT}/renamed`, `${ROOT}/renamed again`);
    alpha.user.writeFile(`${ROOT}/file-3`, 'changed');
    await settled(alpha);
    expect(await exported(alpha, 'beta', 'two')).toMatchObject({ Updates: 3, ContentBytes: 7, LeftOut: 0 });
    expect(await imported(beta, 'two')).toMatchObject({ Complete: true, Updates: 3 });
    expect(beta.user.exists(`${ROOT}/file-1`)).toBe(false);
    for (const name of ['renamed again', 'file-2', 'file-3'])
      expect(String(beta.user.readFile(`${ROOT}/${name}`))).toBe(String(alpha.user.readFile(`${ROOT}/${name}`)));
  });

  test('says so where the content of what was renamed is not here any more', async () => {
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    await imported(beta, 'one');
    await exported(beta, 'alpha', 'back');
    await imported(alpha, 'back');
    const content = String(alpha.user.readFile(`${ROOT}/file-1`));
    beta.user.writeFile(`${ROOT}/file-1`, 'by beta');
    await settled(beta);
    alpha.user.rename(`${ROOT}/file-1`, `${ROOT}/renamed`);
    await settled(alpha);
    await exported(alpha, 'beta', 'two');
    const taken = await imported(beta, 'two');
    expect(taken.Complete).toBe(false);
    expect(taken.Message).toContain('made with --full, has it');
    await exported(alpha, 'beta', 'full', true);
    expect(await imported(beta, 'full')).toMatchObject({ Complete: true });
    expect(String(beta.user.readFile(`${ROOT}/renamed`))).toBe(content);
    const { conflicts } = await beta.backend.conflicts({ limit: 10 });
    expect(conflicts).toMatchObject([{ ConflictPath: 'file-1', PartnerName: 'alpha' }]);
  });

  test('that was changed on both sides is a conflict as ever', async () => {
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    await imported(beta, 'one');
    beta.user.writeFile(`${ROOT}/file-1`, 'by beta');
    await settled(beta);
    alpha.user.writeFile(`${ROOT}/file-1`, 'by alpha, later');
    await settled(alpha);
    await exported(alpha, 'beta', 'two');
    await exported(beta, 'alpha', 'back');
    expect(await imported(beta, 'two')).toMatchObject({ Complete: true });
    expect(await imported(alpha, 'back')).toMatchObject({ Complete: true });
    for (const { user } of [alpha, beta]) expect(String(user.readFile(`${ROOT}/file-1`))).toBe('by alpha, later');
    const { conflicts } = await beta.backend.conflicts({ limit: 10 });
    expect(conflicts).toMatchObject([{ ConflictPath: 'file-1', PartnerName: 'alpha' }]);
    const vector = async ({ backend }: TestMember) => (await backend.folderVector({ folder: 'docs' })).text;
    expect(await vector(beta)).toBe(await vector(alpha));
  });

  test('counts as heard of when the bundle was made, not when it came', async () => {
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    await core(beta).line.run(() => core(beta).commit({ memory: { lastContact: 0 } }));
    await new Promise(resolve => setTimeout(resolve, 20));
    await imported(beta, 'one');
    expect(core(beta).memory.lastContact).toBe((await peekBundle(file('one'))).time);
  });

  test('comes without its content where a file changed before it was read, and the next one has it', async () => {
    const { alpha, beta } = pair;
    alpha.user.writeFile(`${ROOT}/file-1`, 'changed, and not looked at yet');
    const made = await exported(alpha, 'beta', 'one');
    expect(made).toMatchObject({ Complete: false, LeftOut: 1, Updates: 44 });
    const taken = await imported(beta, 'one');
    expect(taken.Complete).toBe(false);
    expect(taken.Message).toContain('1 updates of folder docs wait to be tried again, “file-1”');
    expect(beta.user.exists(`${ROOT}/file-2`)).toBe(true);
    await settled(alpha);
    await exported(alpha, 'beta', 'two');
    expect(await imported(beta, 'two')).toMatchObject({ Complete: true });
    expect(String(beta.user.readFile(`${ROOT}/file-1`))).toBe('changed, and not looked at yet');
  });

  test('builds on what the other one is known to have: where that is lost, it says so', async () => {
    const { alpha, beta } = pair;
    const all = versionsToMemory(1, core(alpha).store.vector);
    await core(alpha).line.run(() => core(alpha).commit({ memory: { bundled: { [beta.member.guid]: all } } }));
    expect(await exported(alpha, 'beta', 'one')).toMatchObject({ Updates: 0 });
    const taken = await imported(beta, 'one');
    expect(taken).toMatchObject({ Complete: false, AssumedVersions: 44 });
    expect(taken.Message).toContain('have alpha make one with --full');
    expect(beta.user.exists(`${ROOT}/file-1`)).toBe(false);
    await exported(alpha, 'beta', 'full', true);
    expect(await imported(beta, 'full')).toMatchObject({ Complete: true, Updates: 44 });
  });
});

test('a group.yaml that differed where the bundle was made is reported', async () => {
  await start(GROUP, identities, 'e'.repeat(64));
  pair.alpha.user.writeFile(`${ROOT}/file`, 'content');
  await settled(pair.alpha);
  await exported(pair.alpha, 'beta', 'one');
  expect(await imported(pair.beta, 'one')).toMatchObject({ Complete: true });
  await pair.beta.events.flush();
  const { events } = await pair.beta.backend.events({ limit: 100 });
  expect(events.filter(({ EventName }) => EventName === 'CONFIG_DIFFERS')).toHaveLength(1);
});

test('nothing is left of a bundle whose making was given up, and nothing comes of one that is not read to its end', async () => {
  await furnished();
  const { alpha, beta } = pair;
  const over = AbortSignal.abort();
  const order = { folder: 'docs', member: 'beta', path: file('one'), full: false };
  await expect(last(alpha.backend.exportBundle(order, over))).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(await readdir(directory)).toEqual([]);
  await exported(alpha, 'beta', 'one');
  await expect(last(beta.backend.importBundle({ path: file('one') }, over))).rejects.toMatchObject({
    code: 'CANCELLED',
  });
  expect(beta.user.exists(`${ROOT}/file-1`)).toBe(false);
  expect(await imported(beta, 'one')).toMatchObject({ Complete: true, Updates: 44 });
});

test('while it goes on, its session is shown; a member that stops ends it', async () => {
  await furnished();
  const { alpha, beta } = pair;
  await exported(alpha, 'beta', 'one');
  const { core: held } = [...beta.member.folders.values()][0]!;
  // Nothing can be recorded from the moment on at which it begins.
  let release = () => {};
  const busy = new Promise<void>(resolve => {
    release = resolve;
  });
  const { guests } = beta.member;
  const enter = guests.add.bind(guests);
  guests.add = guest => {
    void held.line.run(() => busy);
    return enter(guest);
  };
  const inbound = imported(beta, 'one').catch(error => (error as { code: string }).code);
  await vi.waitFor(async () => {
    const { sessions } = await beta.backend.sessions({ limit: 10 });
    expect(sessions.filter(({ StateReason }) => StateReason === 'a bundle is taken in')).toHaveLength(1);
  });
  const stopping = beta.member.stop();
  release();
  await stopping;
  expect(['CANCELLED', true]).toContain(
    await inbound.then(found => (typeof found === 'string' ? found : found.Complete)),
  );
  expect(beta.member.guests.size).toBe(0);
});

describe('a bundle is refused', () => {
  const code = (work: Promise<unknown>) => work.then(() => 'none').catch(error => (error as { code: string }).code);

  test('for whom it is not, and where its maker is not who it says', async () => {
    await furnished();
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    expect(await code(imported(alpha, 'one'))).toBe('PEER_UNRECOGNIZED');
    expect(await code(imported(beta, 'nothing'))).toBe('NOT_FOUND');
    expect(await code(last(beta.backend.importBundle({ path: 'one' }, never)))).toBe('INVALID_ARGUMENT');
    expect(await code(exported(alpha, 'gamma', 'other'))).toBe('REFUSED');
    expect(await code(exported(alpha, 'nobody', 'other'))).toBe('NOT_FOUND');
    // Nothing is written over, and nothing is left of what was not made.
    expect(await code(exported(alpha, 'beta', 'one'))).toBe('REFUSED');
    expect(await readdir(directory)).toEqual(['one.tandem']);
    await pair.stop();
    await start(GROUP, { ...identities, alpha: identities.gamma! });
    expect(await code(imported(pair.beta, 'one'))).toBe('PEER_UNTRUSTED');
    expect(pair.beta.user.exists(`${ROOT}/file-1`)).toBe(false);
  });

  test('while the folder is halted, on either side', async () => {
    await furnished();
    await exported(pair.alpha, 'beta', 'one');
    await core(pair.beta).halt('mass-deletion', 'Too much was deleted.');
    await core(pair.alpha).halt('mass-deletion', 'Too much was deleted.');
    expect(await code(imported(pair.beta, 'one'))).toBe('FOLDER_NOT_READY');
    expect(await code(exported(pair.alpha, 'beta', 'two'))).toBe('FOLDER_NOT_READY');
  });

  test('when it is older than deletions are remembered', async () => {
    await furnished({ ...GROUP, tombstoneLifetimeMs: 3000 });
    await exported(pair.alpha, 'beta', 'one');
    await new Promise(resolve => setTimeout(resolve, 3100));
    expect(await code(imported(pair.beta, 'one'))).toBe('BUNDLE_EXPIRED');
  });
});

test('a member that only receives tells what it has, and nothing else', async () => {
  await furnished(groupWith({ readOnly: ['beta'] }));
  const { alpha, beta } = pair;
  await exported(alpha, 'beta', 'one');
  expect(await imported(beta, 'one')).toMatchObject({ Complete: true, Updates: 44 });
  expect(await exported(beta, 'alpha', 'back')).toMatchObject({ Updates: 0 });
  expect(await imported(alpha, 'back')).toMatchObject({ Complete: true, Updates: 0 });
  expect(await exported(alpha, 'beta', 'two')).toMatchObject({ Updates: 0 });
});

describe('INTERSITE_MESSAGING', () => {
  async function syncOf({ backend }: TestMember, source: string, options: number): Promise<SyncReportRecord> {
    const reports: SyncReportRecord[] = [];
    const order = { folder: 'docs', source, options: options | INTERSITE_MESSAGING | URGENT };
    for await (const report of backend.replicaSync(order, never)) reports.push(report);
    return reports.at(-1)!;
  }
  const sync = (options = 0) => syncOf(pair.beta, 'alpha', options);

  test('takes in what waits in the spool, the oldest first, and removes it', async () => {
    await furnished();
    const { alpha, beta } = pair;
    const none = await sync();
    expect(none).toMatchObject({ ReturnValue: 8477 });
    expect(none.Message).toContain('no bundle of alpha for folder docs waits in');
    await exported(alpha, 'beta', 'z-first');
    alpha.user.writeFile(`${ROOT}/later`, 'later');
    await settled(alpha);
    await exported(alpha, 'beta', 'a-second');
    // A bundle of beta’s own, and something that is none, are not for beta.
    await exported(beta, 'alpha', 'own');
    await writeFile(file('strange'), 'nothing of ours');
    const done = await sync();
    expect(done).toMatchObject({ ReturnValue: 0 });
    expect(done.Message).toContain('all that 2 bundles of alpha brought: 45 updates');
    expect(beta.user.exists(`${ROOT}/later`)).toBe(true);
    const left = await readdir(directory);
    // And the request that was made when nothing waited yet.
    expect(left).toHaveLength(3);
    expect(left).toEqual(expect.arrayContaining(['own.tandem', 'strange.tandem']));
    expect((await beta.backend.replicaSources({})).sources[0]).toMatchObject({ LastSyncResult: 0 });
  });

  test('asks for what is lacking where nothing waits; the source answers once, however often the request comes', async () => {
    await furnished();
    const { alpha, beta } = pair;
    beta.user.writeFile(`${ROOT}/of-beta`, 'of beta');
    await settled(beta);
    const asked = await sync();
    expect(asked).toMatchObject({ ReturnValue: 8477 });
    expect(asked.Message).toContain('a request to alpha was put into');
    const [request, ...others] = await readdir(directory);
    expect(others).toEqual([]);
    expect(await peekBundle(join(directory, request!))).toMatchObject({
      asks: 'lacking',
      to: GROUP.members.get('alpha')!.guid,
    });
    // Nothing is asked twice, and who only looks asks nothing.
    expect((await sync()).Message).toContain('lies there already');
    await syncOf(alpha, 'beta', PERIODIC);
    const [answer, ...more] = await readdir(directory);
    expect(more).toEqual([]);
    expect(answer).not.toBe(request);
    expect(await peekBundle(join(directory, answer!))).toMatchObject({ asks: 'nothing' });

    const done = await sync();
    expect(done).toMatchObject({ ReturnValue: 0 });
    expect(beta.user.exists(`${ROOT}/file-1`)).toBe(true);
    expect(beta.user.readFile(`${ROOT}/large`).equals(large(1))).toBe(true);
    expect(await readdir(directory)).toEqual([]);
    expect(await syncOf(alpha, 'beta', PERIODIC)).toMatchObject({ ReturnValue: 8477 });
    expect(await readdir(directory)).toEqual([]);
  });

  test('a request that comes twice is answered once; with FULL everything is asked for', async () => {
    await furnished();
    const { alpha } = pair;
    await sync(FULL);
    const [request] = await readdir(directory);
    const path = join(directory, request!);
    expect(await peekBundle(path)).toMatchObject({ asks: 'everything' });
    await unlink(path);
    await sync();
    const [second] = await readdir(directory);
    await copyFile(join(directory, second!), file('again'));
    expect(await syncOf(alpha, 'beta', PERIODIC)).toMatchObject({ ReturnValue: 0 });
    const left = await readdir(directory);
    expect(left).toHaveLength(1);
    expect(await peekBundle(join(directory, left[0]!))).toMatchObject({ asks: 'nothing' });
  });

  test('takes in from all sources what there is: one of which nothing waits is no failure', async () => {
    const gamma = { ...GROUP.connections[0]!, guid: 'c0000000-0000-4000-8000-000000000003', from: 'gamma' };
    const [docs] = GROUP.folders.values();
    const members = new Map([...docs!.members, ['gamma', ROOT]]);
    const folders = new Map([[docs!.guid, { ...docs!, members }]]);
    await furnished({ ...GROUP, connections: [gamma, ...GROUP.connections], folders });
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    const options = ASYNCHRONOUS_OPERATION | ALL_SOURCES | INTERSITE_MESSAGING | URGENT;
    for await (const _ of beta.backend.replicaSync({ folder: 'docs', options }, never));
    const ended = await vi.waitFor(
      async () => {
        const { events } = await beta.backend.events({ limit: 1000 });
        const found = events.find(({ EventName }) => EventName.startsWith('SYNC_F'));
        expect(found).toBeDefined();
        return found!;
      },
      { timeout: 20_000 },
    );
    expect(`${ended.EventName}: ${ended.Message}`).toMatch(/^SYNC_FINISHED: 1 of 2 sources; alpha: /);
    expect(beta.user.exists(`${ROOT}/file-1`)).toBe(true);
    const [folder] = beta.member.folders.keys();
    const guid = (name: string) => GROUP.members.get(name)!.guid;
    expect(beta.syncs.source(folder!, guid('alpha'))).toMatchObject({ lastResult: 0, failures: 0 });
    expect(beta.syncs.source(folder!, guid('gamma'))).toBeUndefined();
  });

  test('leaves what cannot be taken in, and says so by number', async () => {
    await furnished();
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'bad');
    const bytes = await readFile(file('bad'));
    bytes[bytes.length - 2000]! ^= 1;
    await writeFile(file('bad'), bytes);
    await exported(alpha, 'beta', 'good');
    const done = await sync();
    expect(done).toMatchObject({ ReturnValue: 8436 });
    expect(done.Message).toContain('is damaged');
    expect(beta.user.exists(`${ROOT}/large`)).toBe(true);
    expect(await readdir(directory)).toEqual(['bad.tandem']);
  });

  test('with FULL also has again what is lost here', async () => {
    await furnished();
    const { alpha, beta } = pair;
    await exported(alpha, 'beta', 'one');
    expect(await sync()).toMatchObject({ ReturnValue: 0 });
    const records = [];
    for await (const batch of core(beta).store.everyRecord()) records.push(...batch);
    const lost = records.find(({ name }) => name === 'file-1')!;
    beta.user.remove(`${ROOT}/file-1`);
    await core(beta).line.run(() => core(beta).commit({ forget: [lost] }));
    await exported(alpha, 'beta', 'again', true);
    expect(await sync()).toMatchObject({ ReturnValue: 0 });
    expect(beta.user.exists(`${ROOT}/file-1`)).toBe(false);
    await exported(alpha, 'beta', 'again', true);
    expect(await sync(FULL)).toMatchObject({ ReturnValue: 0 });
    expect(beta.user.exists(`${ROOT}/file-1`)).toBe(true);
  });

  test('obeys the options and the configuration as any synchronisation', async () => {
    const connections = GROUP.connections.map(each => ({ ...each, enabled: false }));
    await furnished({ ...groupWith({ readOnly: ['beta'] }), connections });
    await exported(pair.alpha, 'beta', 'one');
    expect(await sync(WRITEABLE)).toMatchObject({ ReturnValue: 8440 });
    expect(await sync()).toMatchObject({ ReturnValue: 8457 });
    expect(await sync(SYNC_OPTIONS.FORCE)).toMatchObject({ ReturnValue: 0 });
    expect(pair.beta.user.exists(`${ROOT}/file-1`)).toBe(true);
  });
});
