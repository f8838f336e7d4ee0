/** What an administrator sees of real daemons: waits, reasons, the time to each member, and the report. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { put } from './harness/files.ts';
import { startGroup } from './harness/scenario.ts';
import { until } from './harness/until.ts';

interface Why {
  readonly Verdict: string;
  readonly Sentence: string;
  readonly Holds: readonly { readonly Kind: string; readonly MemberName: string }[];
}

test('waiting for a member, why a file is where it is, how long one takes, and the report', async () => {
  const group = await startGroup({ members: ['alpha', 'beta'], folders: { docs: { filters: { files: ['*.bak'] } } } });
  const [alpha, beta] = [group.member('alpha'), group.member('beta')];
  for (let i = 0; i < 50; i++) put(alpha.root, { [`d${i % 5}/${i}.txt`]: `content ${i}` });
  put(alpha.root, { 'd0/old.bak': 'not replicated' });

  const waited = await alpha.tandem('wait', '--folder', 'docs', '--member', 'beta', '--timeout', '30s');
  expect(waited).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^beta has everything of docs/) });
  for (let i = 0; i < 50; i++) expect(readFileSync(join(beta.root, `d${i % 5}/${i}.txt`), 'utf8')).toBe(`content ${i}`);

  await until('both know that both have it', async () => {
    const why = await alpha.json<Why>('why', join(alpha.root, 'd0/0.txt'));
    return why.Verdict === 'identical' && why.Sentence.includes('beta');
  });
  expect(await alpha.json<Why>('why', join(alpha.root, 'd0/old.bak'))).toMatchObject({
    Verdict: 'not-replicated',
    Holds: [{ Kind: 'filter' }],
  });

  const rows = await alpha.json<Record<string, unknown>[]>(
    'propagation',
    'test',
    '--folder',
    'docs',
    '--timeout',
    '20s',
  );
  expect(rows).toMatchObject([
    { Measure: 'arrival', FromMember: 'alpha', ToMember: 'beta', State: 'arrived' },
    { Measure: 'edge', FromMember: 'alpha', ToMember: 'beta', State: 'arrived' },
    { Measure: 'edge', FromMember: 'beta', ToMember: 'alpha', State: 'arrived' },
  ]);
  const testFiles = (root: string) => readdirSync(root).filter(name => name.startsWith('.tandem-propagation-test-'));
  await until(
    'the test’s file is gone everywhere',
    () => testFiles(alpha.root).length + testFiles(beta.root).length === 0,
  );

  await beta.stop();
  rmSync(join(alpha.root, 'd0/0.txt'));
  put(alpha.root, { 'd1/new.txt': 'beta lacks this' });
  const late = await alpha.tandem('wait', '--folder', 'docs', '--member', 'beta', '--timeout', '1s');
  expect(late).toMatchObject({ exitCode: 11, stderr: expect.stringMatching(/^tandem: after 1\.0 s beta still/) });
  await beta.start();
  await alpha.tandem('wait', '--folder', 'docs', '--member', 'beta', '--timeout', '30s');
  expect(await beta.json<Why>('why', '--folder', 'docs', 'd0/0.txt')).toMatchObject({
    Verdict: 'deleted',
    Sentence: expect.stringMatching(/^it was deleted on alpha/),
  });

  const page = join(alpha.home, 'health.html');
  expect((await alpha.tandem('report', '--format', 'html', '--output', page)).exitCode).toBe(0);
  const html = readFileSync(page, 'utf8');
  expect(html).toContain('CONNECTION_');
  expect(html).not.toMatch(/https?:\/\/|<script/);
  const report = await alpha.json<Record<string, unknown[]>>('report');
  expect(report.Members).toHaveLength(2);
  expect(report.ConfigDifferences).toEqual([]);
  expect(report.Propagation).toMatchObject([...rows].reverse());
  expect((await alpha.tandem('status')).stdout).toContain('no backlog');
});

test('a propagation test measures every connection, also those that its member has no part in', async () => {
  const group = await startGroup({
    members: ['alpha', 'beta', 'gamma'],
    connections: [
      ['alpha', 'beta'],
      ['beta', 'alpha'],
      ['beta', 'gamma'],
      ['gamma', 'beta'],
    ],
  });
  const alpha = group.member('alpha');
  put(alpha.root, { first: 'x' });
  await group.identical();
  const rows = await alpha.json<Record<string, unknown>[]>('propagation', 'test', '--folder', 'docs');
  const edges = rows.filter(({ Measure }) => Measure === 'edge');
  expect(edges.map(({ FromMember, ToMember, State }) => `${FromMember} ${ToMember} ${State}`).sort()).toEqual([
    'alpha beta arrived',
    'beta alpha arrived',
    'beta gamma arrived',
    'gamma beta arrived',
  ]);
  for (const { LatencyInMilliseconds } of edges) expect(LatencyInMilliseconds).toBeLessThan(10_000);
  const gamma = rows.find(({ Measure, ToMember }) => Measure === 'arrival' && ToMember === 'gamma');
  expect(gamma).toMatchObject({ State: 'unknown', Reason: expect.stringMatching(/no enabled connection leads/) });
  await until('nothing of the test is left', () =>
    group.members.every(({ root }) => readdirSync(root).every(name => !name.startsWith('.tandem-propagation'))),
  );
  await group.identical();
});

test('a folder that is taken out is told of, and the journal outlasts the daemon', async () => {
  const group = await startGroup({ members: ['alpha', 'beta'], folders: { docs: {}, media: {} } });
  const alpha = group.member('alpha');
  const events = () => alpha.json<{ Sequence: number; EventId: number; Fields: string }[]>('event', 'list');
  const removed = async () => (await events()).find(({ EventId }) => EventId === 4114);
  group.writeGroupFile(file => {
    delete (file.folders.media!.members as Record<string, string>).alpha;
  });
  const event = await until('alpha tells that media is gone', removed);
  expect(JSON.parse(event.Fields)).toEqual({ folder: 'media' });
  await alpha.stop();
  await alpha.start();
  expect(await removed()).toEqual(event);
  const started = await until('alpha tells of its start', async () =>
    (await events()).findLast(({ EventId, Sequence }) => EventId === 1004 && Sequence > event.Sequence),
  );
  expect(started.Sequence).toBeGreaterThan(event.Sequence);
});
