import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attentionNoun } from '../../../src/admin/records/event.ts';
import { reportToHtml } from '../../../src/cli/report-html.ts';
import { type FakeDaemon, startFakeDaemon } from './run-fake.ts';

let daemon: FakeDaemon;
beforeAll(async () => {
  daemon = await startFakeDaemon();
});
afterAll(() => daemon.close());

describe('wait', () => {
  const words = ['wait', '--folder', 'docs', '--member', 'beta'];

  test('ends with 0 and a sentence, or with the last progress as JSON', async () => {
    expect(await daemon.tandem(...words)).toEqual({
      code: 0,
      out: 'beta has everything of docs, after 3.0 s\n',
      err: '',
    });
    const { out } = await daemon.tandem(...words, '--json');
    expect(JSON.parse(out)).toMatchObject({ Stage: 'arrived', Arrived: true, MissingVersions: 0 });
    expect(daemon.backend.orders.at(-1)!.order).toEqual({ folder: 'docs', member: 'beta', timeoutMs: 300_000 });
  });

  test('shows how far it has come on a terminal', async () => {
    const { err } = await daemon.onTerminal(80, ...words);
    expect(err).toContain('beta lacks 12 versions');
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });

  test('ends with 11 when the time is over', async () => {
    expect(await daemon.tandem(...words, '--timeout', '500ms')).toEqual({
      code: 11,
      out: '',
      err: 'tandem: after 0.5 s beta still lacks 12 versions of docs\n',
    });
  });

  test('refuses what it does not understand with a sentence', async () => {
    for (const timeout of ['soon', '8d', '0']) {
      const ran = await daemon.tandem(...words, '--timeout', timeout);
      expect(ran.code).toBe(2);
      expect(ran.err).toContain(`“${timeout}”`);
    }
    expect(await daemon.tandem('wait', '--folder', 'dosc', '--member', 'beta')).toMatchObject({
      code: 6,
      err: expect.stringContaining('did you mean “docs”'),
    });
    expect((await daemon.tandem('wait', '--folder', 'docs')).code).toBe(2);
  });
});

describe('why', () => {
  test('prints the verdict, a sentence, and each hold with what happens next', async () => {
    const { code, out } = await daemon.tandem('why', '--folder', 'docs', 'a/report.txt');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^a\/report\.txt in docs: held\nbeta lacks this version\n {2}partner-lacks: beta lacks this version \(since .*\)\n {4}next: beta fetches it at .*\n {2}preserved-copy: a Reason\n$/,
    );
  });

  test('gives the same to programs', async () => {
    const { out } = await daemon.tandem('why', '/srv/docs/report.txt', '--json');
    expect(JSON.parse(out)).toMatchObject({
      FullPathName: '/srv/docs/report.txt',
      ReplicatedFolderName: 'docs',
      Verdict: 'held',
      Holds: [{ Kind: 'partner-lacks', MemberName: 'beta' }, { Kind: 'preserved-copy' }],
    });
  });

  test('refuses a folder that is not there, and nothing at all', async () => {
    expect(await daemon.tandem('why', '--folder', 'dosc', 'x')).toMatchObject({
      code: 6,
      err: expect.stringContaining('did you mean “docs”'),
    });
    expect((await daemon.tandem('why')).code).toBe(2);
  });
});

describe('status', () => {
  test('shows each backlog with its size, the age of the oldest update and how long it will last', async () => {
    const { out } = await daemon.tandem('status');
    expect(out).toMatch(
      /FOLDER +FROM +TO +BACKLOG +SIZE +AGE +ETA +REASON\ndocs +alpha +beta +1200 +5\.00 MiB +2 h +1 min 30 s *\n\n/,
    );
    expect(out).not.toContain('beta    alpha');
  });
});

describe('propagation', () => {
  test('test prints a line for each member', async () => {
    const ran = await daemon.tandem('propagation', 'test', '--folder', 'docs');
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(ran.out).toMatch(/t1 .* beta +arrived .* 42/);
  });

  test('test ends with 11 where one was late, after the times of the others', async () => {
    const ran = await daemon.tandem('propagation', 'test', '--folder', 'docs', '--timeout', '1s', '--json');
    expect(ran).toMatchObject({ code: 11, err: 'tandem: gamma did not have the test’s file in time\n' });
    expect(JSON.parse(ran.out)).toMatchObject([
      { ToMember: 'beta', LatencyInMilliseconds: 42 },
      { ToMember: 'gamma', State: 'late', LatencyInMilliseconds: null },
    ]);
  });

  test('report lists what is remembered; bad input is refused', async () => {
    expect((await daemon.tandem('propagation', 'report')).out).toContain('and 8 more');
    expect((await daemon.tandem('propagation', 'report', '--folder', 'dosc')).code).toBe(6);
    expect((await daemon.tandem('propagation', 'test')).code).toBe(2);
    expect((await daemon.tandem('propagation', 'test', '--folder', 'docs', '--timeout', 'x')).code).toBe(2);
  });
});

describe('report', () => {
  const SECTIONS = [
    'Attention',
    'Service',
    'Members',
    'ConfigDifferences',
    'Folders',
    'FileSystems',
    'Connections',
    'Backlogs',
    'Sessions',
    'Conflicts',
    'Propagation',
    'Troubles',
  ];

  test('has the same sections as JSON, as text and as a page', async () => {
    const json = JSON.parse((await daemon.tandem('report', '--json')).out);
    expect(Object.keys(json)).toEqual(['Title', 'Time', 'Days', ...SECTIONS]);
    expect(json.ConfigDifferences).toMatchObject([{ MemberName: 'beta', ConfigDigest: 'bb' }]);
    const text = (await daemon.tandem('report')).out;
    expect(text).toContain('Health report of alpha of projects');
    expect(text.match(/^-+$/gm)).toHaveLength(SECTIONS.length);
    const html = (await daemon.tandem('report', '--format', 'html')).out;
    expect(html.match(/<h2>/g)).toHaveLength(SECTIONS.length);
  });

  test('the page needs nothing from elsewhere and shows text as text', async () => {
    const html = reportToHtml({
      title: '<script>alert(1)</script>',
      time: '2025-03-01T12:00:00.000Z',
      days: 7,
      sections: [
        {
          name: 'Attention',
          title: 'A & B',
          noun: attentionNoun,
          shown: null,
          rows: [{ Subject: '<img src=x onerror=alert(1)>', Problem: `"quoted" 'too' & more`, Command: 'a\u001b[2Jb' }],
          none: '',
        },
      ],
    });
    expect(html).not.toMatch(/<script|<img|<link|https?:|src=["']|url\(|@import/);
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(html).toContain('&quot;quoted&quot; &#39;too&#39; &amp; more');
    expect(html).toContain('a\\x1b[2Jb');
  });

  test('goes into a file, and says so where that cannot be', async () => {
    const file = join(daemon.home, 'health.html');
    expect(await daemon.tandem('report', '--format', 'html', '--output', file)).toEqual({
      code: 0,
      out: `the report is in ${file}\n`,
      err: '',
    });
    expect(await readFile(file, 'utf8')).toMatch(/^<!DOCTYPE html>/);
    expect(await daemon.tandem('report', '--output', daemon.home)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`cannot be written to ${daemon.home}`),
    });
    expect((await daemon.tandem('report', '--format', 'pdf')).code).toBe(2);
    expect((await daemon.tandem('report', '--days', '0')).code).toBe(2);
  });

  test('members are listed with whose configuration differs', async () => {
    expect((await daemon.tandem('member', 'list')).out).toMatch(/beta +a Address +no +– +yes/);
  });
});
