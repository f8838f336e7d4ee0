import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { loadMember, loadMemberFile } from '../../../src/config/member-file.ts';
import { makeHome, memberFileText, writeMemberFile } from '../../../src/config/member-home.ts';
import { createIdentity } from '../../../src/peer/identity.ts';

const CONFIG = new URL('../../../config/', import.meta.url).pathname;
let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tandem-config-'));
  await cp(CONFIG, home, { recursive: true });
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function change(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(join(home, file), 'utf8');
  expect(text).toContain(from);
  await writeFile(
    join(home, file),
    text.replace(from, () => to),
  );
}

async function expectFailure(work: Promise<unknown>, code: ErrorCode, ...words: string[]): Promise<void> {
  const error = await work.then(
    () => null,
    (thrown: { code: string; message: string }) => thrown,
  );
  expect(error).toMatchObject({ code });
  for (const word of words) expect(error!.message).toContain(word);
}

describe('loadMember', () => {
  test('accepts the examples in config/ and makes every path absolute', async () => {
    const { member, group } = await loadMember(home);
    expect(member).toEqual({
      member: 'alpha',
      home,
      groupFile: join(home, 'group.yaml'),
      listen: { host: '0.0.0.0', port: 7420 },
      adminSocket: join(home, 'admin.sock'),
      nbd: { kind: 'unix', path: join(home, 'nbd.sock') },
      nbdTls: 'off',
      outboundIdleMs: 12 * 3_600_000,
      spool: null,
      logLevel: 'info',
    });
    expect([...group.members.keys()]).toEqual(['alpha', 'beta']);
  });

  test('needs only member and listen in member.yaml', async () => {
    await writeFile(join(home, 'member.yaml'), 'member: beta\nlisten: "[::]:7421"\n');
    expect((await loadMember(home)).member).toMatchObject({
      member: 'beta',
      listen: { host: '::', port: 7421 },
      outboundIdleMs: 12 * 3_600_000,
      spool: null,
      logLevel: 'info',
    });
  });

  test.each([
    ['"127.0.0.1:10809"', { kind: 'tcp', address: { host: '127.0.0.1', port: 10_809 } }],
    ['/run/nbd.sock', { kind: 'unix', path: '/run/nbd.sock' }],
    ['off', null],
  ])('NBD clients connect to %s', async (text, nbd) => {
    await writeFile(join(home, 'member.yaml'), `member: beta\nlisten: "[::]:7421"\nnbd: ${text}\n`);
    expect((await loadMember(home)).member.nbd).toEqual(nbd);
  });

  test('a spool is relative to the home', async () => {
    await writeFile(join(home, 'member.yaml'), 'member: beta\nlisten: "[::]:7421"\nspool: in\n');
    expect((await loadMember(home)).member.spool).toBe(join(home, 'in'));
  });

  test('a missing file says how to get one', async () => {
    await rm(join(home, 'group.yaml'));
    await expectFailure(loadMember(home), 'CONFIG_UNREADABLE', join(home, 'group.yaml'), 'does not exist', 'copy');
    await rm(join(home, 'member.yaml'));
    await expectFailure(loadMember(home), 'CONFIG_UNREADABLE', 'member.yaml does not exist', 'tandem init');
  });

  test.skipIf(process.getuid?.() === 0)('a file that may not be read says so', async () => {
    await chmod(join(home, 'group.yaml'), 0);
    await expectFailure(loadMember(home), 'CONFIG_UNREADABLE', 'cannot be read');
  });

  test('a directory in place of a file is refused', async () => {
    await rm(join(home, 'group.yaml'));
    await mkdir(join(home, 'group.yaml'));
    await expectFailure(loadMember(home), 'CONFIG_UNREADABLE', 'cannot be read');
  });

  test('an unknown key in member.yaml is refused with its place', async () => {
    await writeFile(join(home, 'member.yaml'), 'member: alpha\nlisten: "0.0.0.0:7420"\nloglevel: info\n');
    await expectFailure(
      loadMember(home),
      'CONFIG_INVALID',
      `${join(home, 'member.yaml')}:3:1: loglevel: unknown key`,
      'did you mean “logLevel”',
    );
  });

  test('a wrong log level names the right ones', async () => {
    await change('member.yaml', 'logLevel: info', 'logLevel: loud');
    await expectFailure(
      loadMember(home),
      'CONFIG_INVALID',
      'logLevel: expected debug, info, warn, error, found “loud”',
    );
  });

  test('a member that group.yaml does not know is refused at its place in member.yaml', async () => {
    await change('member.yaml', 'member: alpha', 'member: alhpa');
    await expectFailure(
      loadMember(home),
      'CONFIG_INVALID',
      'member.yaml:5:9: member: there is no member “alhpa”; did you mean “alpha”?',
      'group.yaml',
    );
  });

  test('a socket path longer than the kernel takes is refused', async () => {
    await change('member.yaml', 'adminSocket: admin.sock', `adminSocket: /${'x'.repeat(120)}`);
    await expectFailure(loadMember(home), 'CONFIG_INVALID', 'adminSocket', 'longer than the 107 bytes');
  });

  test('a home inside a replicated folder, and a folder inside Tandem’s own directories, are refused', async () => {
    await change('group.yaml', 'alpha: /srv/media', `alpha: ${tmpdir()}`);
    await expectFailure(loadMember(home), 'CONFIG_INVALID', 'contains the member’s home');
    await change('group.yaml', `alpha: ${tmpdir()}`, `alpha: ${home}/database/x`);
    await expectFailure(loadMember(home), 'CONFIG_INVALID', 'Tandem’s own files');
    await change('group.yaml', `${home}/database/x`, `${home}/media`);
    await loadMember(home);
  });

  test('an identity other than the pinned one is refused, GUID and certificate', async () => {
    const identity = await createIdentity(join(home, 'identity'), 'alpha');
    await expectFailure(
      loadMember(home, identity),
      'CONFIG_INVALID',
      '2 problems',
      'members.alpha.guid',
      'members.alpha.certificate',
      identity.guid,
    );
    await change('group.yaml', '3f1b2c9e-5d1a-4c7e-9a55-0d8f6f0e1b7a', identity.guid.toUpperCase());
    const text = await readFile(join(home, 'group.yaml'), 'utf8');
    const start = text.indexOf('|', text.indexOf('  alpha:'));
    await writeFile(
      join(home, 'group.yaml'),
      `${text.slice(0, start)}${JSON.stringify(identity.certificate)}\n${text.slice(text.indexOf('  beta:'))}`,
    );
    const { group } = await loadMember(home, identity);
    expect(group.members.get('alpha')!.guid).toBe(identity.guid);
  });
});

describe('a new home', () => {
  test('gets a member.yaml that is accepted, and is closed to others', async () => {
    const fresh = join(home, 'fresh');
    await makeHome(fresh);
    await writeMemberFile(fresh, { name: 'Δ 1', listen: { host: '::1', port: 7420 } });
    expect((await stat(fresh)).mode & 0o777).toBe(0o700);
    expect(await loadMemberFile(fresh)).toMatchObject({ member: 'Δ 1', listen: { host: '::1', port: 7420 } });
  });

  test('is not made where there is one already', async () => {
    await expectFailure(makeHome(home), 'HOME_EXISTS', home, 'choose another directory');
    await expectFailure(writeMemberFile(home, { name: 'alpha', listen: { host: '::1', port: 1 } }), 'HOME_EXISTS');
  });

  test('cannot be made where the path is no directory', async () => {
    await expectFailure(makeHome(join(home, 'member.yaml')), 'CONFIG_UNREADABLE', 'cannot be made');
  });

  test('says every key of member.yaml', () => {
    const text = memberFileText({ name: 'a', listen: { host: 'h', port: 1 } });
    for (const key of ['member', 'group', 'listen', 'adminSocket', 'spool', 'logLevel'])
      expect(text).toMatch(new RegExp(`^(# )?${key}:`, 'm'));
  });
});
