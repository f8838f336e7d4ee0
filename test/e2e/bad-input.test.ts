/** Every bad input is answered by a clear error that says what to do, and nothing is lost. Exit codes: docs/ERRORS.md. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventOf, folderShows, releaseFolder } from './harness/admin-view.ts';
import { withCliHere } from './harness/cli-here.ts';
import { arrives, get, put } from './harness/files.ts';
import { createGroup, type Group, type GroupFile } from './harness/group.ts';
import { type Ran, tandem } from './harness/program.ts';
import { startGroup, testWorkspace } from './harness/scenario.ts';

const EXIT = { argument: 2, configuration: 3, busy: 4, noDaemon: 5, notFound: 6, refused: 7 } as const;

/** No stack, no bare code: a sentence. */
function expectClear(ran: Ran, exitCode: number, says: RegExp): void {
  const text = ran.stderr + ran.stdout;
  expect({ exitCode: ran.exitCode, text }).toMatchObject({ exitCode, text: expect.stringMatching(says) });
  expect(text).not.toMatch(/^\s+at .*\.[jt]s:\d+/m);
}

describe('configuration', () => {
  const group: { made?: Group } = {};
  const check = async (edit: (file: GroupFile, text: (file: unknown) => void) => void): Promise<Ran> => {
    group.made ??= await createGroup({ label: 'config', members: ['alpha', 'beta'] });
    const { members, groupFile } = group.made;
    const file = structuredClone(groupFile);
    let text: string | null = null;
    edit(file, given => {
      text = String(given);
    });
    writeFileSync(join(members[0]!.home, 'group.yaml'), text ?? JSON.stringify(file, null, 2));
    return withCliHere(members[0]!).tandem('config', 'check');
  };

  test('the table of bad group.yaml files', { timeout: 120_000 }, async () => {
    onTestFinished(() => group.made?.dispose());
    expect(await check(() => {})).toMatchObject({ exitCode: 0 });
    const cases: [name: string, edit: Parameters<typeof check>[0], says: RegExp][] = [
      [
        'an unknown key, with its place and a guess',
        file => Object.assign(file.folders.docs!, { primry: 'alpha' }),
        /group\.yaml:\d+:\d+.*primry.*primary/s,
      ],
      [
        'a wrong type, with its place',
        file => Object.assign(file.folders.docs!, { quiet: [1] }),
        /group\.yaml:\d+:\d+.*quiet/s,
      ],
      [
        'a duration nobody understands',
        file => Object.assign(file.folders.docs!, { quiet: 'soon' }),
        /:\d+:\d+.*soon/s,
      ],
      ['a GUID that is none', file => Object.assign(file.group, { guid: '123' }), /:\d+:\d+.*123.*GUID/s],
      [
        'an address without a port',
        file => Object.assign(file.members.beta!, { address: 'beta.example' }),
        /:\d+:\d+.*beta\.example/s,
      ],
      [
        'a private key in place of a certificate',
        file =>
          Object.assign(file.members.beta!, {
            certificate: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
          }),
        /private key/,
      ],
      [
        'a primary that is no member',
        file => Object.assign(file.folders.docs!, { primary: 'gamma' }),
        /primary.*alpha, beta/,
      ],
      [
        'a connection to a stranger',
        file => Object.assign(file, { connections: [{ from: 'alpha', to: 'gamma' }] }),
        /gamma/,
      ],
      ['a relative root', file => Object.assign(file.folders.docs!.members as object, { alpha: 'docs' }), /absolute/],
      [
        'folders one inside the other',
        file => {
          const members = file.folders.docs!.members as Record<string, string>;
          file.folders.inner = {
            ...file.folders.docs,
            guid: 'b7aa1f6e-5d1a-4c7e-9a55-0d8f6f0e1b7a',
            members: { ...members, alpha: `${members.alpha}/inner` },
          };
        },
        /docs.*inner|inner.*docs/s,
      ],
      [
        'two members with one GUID',
        file => Object.assign(file.members.beta!, { guid: file.members.alpha!.guid }),
        /alpha.*beta|beta.*alpha/s,
      ],
      ['YAML that is none', (_, text) => text('group: { name: x\nmembers: ]['), /group\.yaml:\d+:\d+/],
      ['an empty file', (_, text) => text(''), /group\.yaml/],
    ];
    for (const [name, edit, says] of cases) {
      const ran = await check(edit);
      const text = ran.stderr + ran.stdout;
      expect({ name, exitCode: ran.exitCode, text }).toMatchObject({
        name,
        exitCode: EXIT.configuration,
        text: expect.stringMatching(says),
      });
      expect(text).not.toMatch(/^\s+at .*\.[jt]s:\d+/m);
    }
  });

  test('a broken group.yaml at SIGHUP leaves the old one in force and is reported', async () => {
    const running = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [running.member('alpha'), running.member('beta')];
    put(alpha.root, { first: '1' });
    await running.identical();
    const file = join(alpha.home, 'group.yaml');
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, good.replace('"group"', '"gruop"'));
    alpha.signal('SIGHUP');
    await eventOf(alpha, 'CONFIG_INVALID', /gruop/);
    put(alpha.root, { second: '2' });
    await arrives(beta, 'second', '2');
    writeFileSync(file, good);
  });

  test('a changed group.yaml is noticed without a signal, saved in place or by rename; a broken one changes nothing', async () => {
    const running = await startGroup({ members: ['alpha', 'beta'] });
    const alpha = running.member('alpha');
    const file = join(alpha.home, 'group.yaml');
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, good.replace('"group"', '"gruop"'));
    await eventOf(alpha, 'CONFIG_INVALID', /gruop/);
    const other = JSON.parse(good) as { group: Record<string, unknown> };
    other.group.tombstoneLifetime = '61d';
    writeFileSync(`${file}~`, JSON.stringify(other));
    renameSync(`${file}~`, file);
    await eventOf(alpha, 'CONFIG_LOADED', /read again/);
  });

  test('a daemon with a bad configuration ends with a sentence and its exit code', async () => {
    const made = await createGroup({ members: ['alpha', 'beta'] });
    onTestFinished(() => made.dispose());
    const alpha = made.member('alpha');
    writeFileSync(join(alpha.home, 'group.yaml'), 'group: 5\n');
    expectClear(await alpha.startToEnd(), EXIT.configuration, /group\.yaml:1/);
    rmSync(join(alpha.home, 'group.yaml'));
    expectClear(await alpha.startToEnd(), EXIT.configuration, /group\.yaml/);
    rmSync(join(alpha.home, 'member.yaml'));
    expectClear(await alpha.startToEnd(), EXIT.configuration, /member\.yaml|tandem init/);
  });
});

describe('homes, ports and roots', () => {
  test('“tandem init” refuses a home that is taken, a bad name and a bad address, and touches nothing', async () => {
    const workspace = testWorkspace('init');
    const home = join(workspace.path, 'home');
    expect(await tandem(['init', 'alpha', '--home', home, '--listen', '127.0.0.1:7420', '--json'])).toMatchObject({
      exitCode: 0,
    });
    const key = readFileSync(join(home, 'member.yaml'), 'utf8');
    expectClear(
      await tandem(['init', 'beta', '--home', home, '--listen', '127.0.0.1:7421']),
      EXIT.configuration,
      /already/,
    );
    expect(readFileSync(join(home, 'member.yaml'), 'utf8')).toBe(key);
    expectClear(
      await tandem(['init', '', '--home', join(workspace.path, 'h2'), '--listen', '127.0.0.1:7420']),
      EXIT.argument,
      /name/,
    );
    expectClear(
      await tandem(['init', 'beta', '--home', join(workspace.path, 'h3'), '--listen', 'nowhere']),
      EXIT.argument,
      /nowhere/,
    );
  });

  test('a second daemon on one home is refused, and the first goes on', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    expectClear(await tandem(['daemon', '--home', alpha.home]), EXIT.busy, /daemon|runs/i);
    put(alpha.root, { still: 'here' });
    await arrives(beta, 'still', 'here');
  });

  test('a port that is taken is named', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], start: false });
    const alpha = group.member('alpha');
    const thief = createServer().listen(alpha.port, '127.0.0.1');
    onTestFinished(() => void thief.close());
    expectClear(await alpha.startToEnd(), EXIT.busy, new RegExp(String(alpha.port)));
  });

  test('a root that does not exist, or is a file, halts that folder with a reason and no other', async () => {
    const group = await startGroup({
      members: ['alpha', 'beta'],
      folders: { docs: {}, lost: {}, file: {} },
      start: false,
    });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    rmSync(beta.roots.lost!, { recursive: true });
    rmSync(beta.roots.file!, { recursive: true });
    writeFileSync(beta.roots.file!, 'a file');
    await group.start();
    await folderShows(beta, /ROOT_MISSING|missing/i, 'lost');
    await folderShows(beta, /not-a-directory|not a directory/i, 'file');
    put(alpha.root, { works: 'yes' });
    await arrives(beta, 'works', 'yes');
    mkdirSync(beta.roots.lost!);
    await releaseFolder(beta, 'retry', 'lost');
    put(alpha.roots.lost!, { 'found again': 'x' });
    await group.identical({ folder: 'lost', timeoutMs: 60_000 });
    expect(get(beta.roots.lost!, 'found again')).toBe('x');
  });
});

describe('commands', () => {
  test('a command without a daemon says how to start one', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'], start: false });
    expectClear(await group.member('alpha').tandem('status'), EXIT.noDaemon, /tandem daemon|tandemd/);
  });

  test('unknown folders, members, records, conflicts and words are answered with what there is', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const alpha = withCliHere(group.member('alpha'));
    await group.identical();
    expectClear(await alpha.tandem('folder', 'show', 'dcos'), EXIT.notFound, /dcos.*docs/s);
    expectClear(
      await alpha.tandem('backlog', '--from', 'alpha', '--to', 'betta', '--folder', 'docs'),
      EXIT.notFound,
      /betta.*beta/s,
    );
    expectClear(
      await alpha.tandem('backlog', '--from', 'alpha', '--to', 'beta', '--folder', 'nope'),
      EXIT.notFound,
      /nope/,
    );
    expectClear(
      await alpha.tandem('record', 'show', '--folder', 'docs', 'no/such/file'),
      EXIT.notFound,
      /no\/such\/file/,
    );
    expectClear(await alpha.tandem('conflict', 'restore', 'no-such-id'), EXIT.notFound, /no-such-id/);
    expectClear(await alpha.tandem('conflict', 'delete', '../../etc'), EXIT.notFound, /etc/);
    expectClear(await alpha.tandem('folder', 'release', 'docs', '--accept'), EXIT.refused, /docs|held|halted/);
    expectClear(await alpha.tandem('fodler', 'list'), EXIT.argument, /fodler|unknown/i);
    expectClear(await alpha.tandem('folder', 'list', '--nonsense'), EXIT.argument, /nonsense/);
    expectClear(await alpha.tandem('event', 'list', '--limit', 'many'), EXIT.argument, /many/);
  });

  test('every command has help with an example', async () => {
    for (const words of [
      ['init'],
      ['status'],
      ['folder', 'release'],
      ['conflict', 'restore'],
      ['backlog'],
      ['record', 'show'],
      ['config', 'check'],
    ]) {
      const ran = await tandem([...words, '--help']);
      expect(ran).toMatchObject({ exitCode: 0 });
      expect(ran.stdout, words.join(' ')).toMatch(/example/i);
    }
  });
});
