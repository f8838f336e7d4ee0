import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createFolderPairs, type FolderPairs } from '../../../src/daemon/folder-pairs.ts';
import { SYNC_OPTIONS } from '../../../src/model/replica-sync.ts';
import { type Pair, ROOT, startPair, type TestMember } from './two-members.ts';

const SUSPEND = { now: 'Suspended', arrival: 'Suspended', need: null } as const;
const RESUME = { now: 'Unsynchronized', arrival: 'Synchronized', need: null } as const;

let pair: Pair;
let pairs: FolderPairs;
beforeAll(async () => {
  pair = await startPair();
  pairs = createFolderPairs({ member: () => pair.beta.member });
  pair.alpha.user.writeFile(`${ROOT}/first`, 'one');
  pair.alpha.hint();
  await vi.waitFor(() => expect(pairs.list()[0]!.association.copyState).toBe('Synchronized'), 20_000);
});
afterAll(() => pair.stop());

async function syncResult({ backend }: TestMember, options: number): Promise<object> {
  const { signal } = new AbortController();
  const reports = [];
  for await (const report of backend.replicaSync({ folder: 'docs', source: 'alpha', options }, signal))
    reports.push(report);
  return reports.at(-1)!;
}

test('the partner’s folder is the source, the one here the target, and orders need nobody else', () => {
  const [listed] = pairs.list();
  expect(pairs.list()).toHaveLength(1);
  expect(listed!.association).toMatchObject({
    kind: 'folder',
    source: { member: 'alpha', name: 'docs' },
    target: { member: 'beta', name: 'docs' },
    here: 'target',
    targetData: 'UpToDate',
  });
  expect(listed!.facts).toMatchObject({ peerReachable: true, sourceAhead: false, heldBy: null });
  expect(listed!.progress).toMatchObject({ dirtyBytes: 0, totalBytes: 3, paused: false, readOnly: null });
});

test('what was suspended says so wherever somebody would look, also after group.yaml was read again', async () => {
  const { id } = pairs.list()[0]!.association;
  await pairs.perform(id, 'Suspend', SUSPEND, { force: false });
  pair.alpha.user.writeFile(`${ROOT}/second`, 'two');
  pair.alpha.hint();
  const command = `tandem replica modify ${id} resume`;
  const { backend } = pair.beta;
  const { attention, backlogs } = await backend.status();
  expect(attention).toContainEqual({
    Subject: 'docs',
    Problem: 'by order folder docs is not had from alpha: the pair is Suspended',
    Command: command,
  });
  const comes = backlogs.find(({ ToMember }) => ToMember === 'beta');
  expect(comes).toMatchObject({ BacklogFileCount: null, Reason: expect.stringContaining(command) });
  const { sessions } = await backend.sessions({ limit: 100 });
  expect(sessions.filter(({ Inbound, State }) => Inbound && State < 3)).toEqual([]);
  const { holds } = await backend.why({ folder: 'docs', file: 'second' });
  expect(holds).toContainEqual(expect.objectContaining({ Reason: expect.stringContaining(command) }));
  expect(await syncResult(pair.beta, SYNC_OPTIONS.FORCE)).toMatchObject({
    ReturnValue: 8457,
    Message: expect.stringContaining(command),
  });
  await pair.beta.readAgain();
  expect(pairs.list()[0]!.association.copyState).toBe('Suspended');
  await pairs.perform(id, 'Resume', RESUME, { force: false });
  await vi.waitFor(() => expect(pair.beta.user.exists(`${ROOT}/second`)).toBe(true), 20_000);
  await vi.waitFor(() => expect(pairs.list()[0]!.association.copyState).toBe('Synchronized'), 20_000);
  expect((await backend.status()).attention).toEqual([]);
});

test('an order for what is no pair is not found', async () => {
  await expect(pairs.perform('none', 'Suspend', SUSPEND, { force: false })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  await expect(pairs.attach(pairs.list()[0]!.association.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
