import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { certificateProblem } from '../../../src/peer/certificate.ts';
import { createIdentity, loadIdentity } from '../../../src/peer/identity.ts';

let home: string;
let directory: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tandem-identity-'));
  directory = join(home, 'identity');
});

afterEach(() => rm(home, { recursive: true }));

test('an identity is read back as it was made', async () => {
  const made = await createIdentity(directory, 'alpha');
  expect(await loadIdentity(directory)).toEqual(made);
  expect(made.guid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

test('its files are for the owner alone', async () => {
  await createIdentity(directory, 'alpha');
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  const names = (await readdir(directory)).sort();
  expect(names).toEqual(['certificate.pem', 'key.pem', 'member.json']);
  for (const name of names) expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
});

test('its certificate names the member, lasts twenty years and can vouch for nobody', async () => {
  const { certificate } = await createIdentity(directory, 'alpha, the “first”');
  const parsed = new X509Certificate(certificate);
  expect(parsed.subject).toContain('alpha');
  expect(parsed.ca).toBe(false);
  expect(parsed.verify(parsed.publicKey)).toBe(true);
  const year = 365.25 * 24 * 3_600_000;
  expect(certificateProblem(certificate, Date.now())).toBeNull();
  expect(certificateProblem(certificate, Date.now() + 19.9 * year)).toBeNull();
  expect(certificateProblem(certificate, Date.now() + 20.1 * year)).toContain('expired on 20');
  expect(certificateProblem(certificate, Date.now() - year)).toContain('not valid before');
  expect(certificateProblem('nonsense', 0)).toContain('cannot be read');
});

test('an identity is never overwritten', async () => {
  const made = await createIdentity(directory, 'alpha');
  await expect(createIdentity(directory, 'beta')).rejects.toMatchObject({ code: 'HOME_EXISTS' });
  expect(await loadIdentity(directory)).toEqual(made);
});

test('a key that others can read is refused with the command that helps', async () => {
  await createIdentity(directory, 'alpha');
  const key = join(directory, 'key.pem');
  await chmod(key, 0o640);
  await expect(loadIdentity(directory)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: expect.stringContaining(`chmod 600 '${key}'`),
  });
});

test('a missing identity says how to make one', async () => {
  await expect(loadIdentity(directory)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: expect.stringContaining('tandem init'),
  });
});

test.each([
  { file: 'key.pem', content: 'nonsense', says: 'not a private key' },
  { file: 'certificate.pem', content: 'nonsense', says: 'not a certificate' },
  { file: 'member.json', content: '{', says: 'not a JSON' },
  { file: 'member.json', content: '{"name":"alpha"}', says: 'guid' },
])('a damaged $file is named', async ({ file, content, says }) => {
  await createIdentity(directory, 'alpha');
  await writeFile(join(directory, file), content);
  await expect(loadIdentity(directory)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: expect.stringMatching(new RegExp(`${file}.*${says}`, 's')),
  });
});

test('a key that is not the certificate’s is refused', async () => {
  await createIdentity(directory, 'alpha');
  const other = await createIdentity(join(home, 'other'), 'alpha');
  await writeFile(join(directory, 'key.pem'), other.key);
  await expect(loadIdentity(directory)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: expect.stringContaining('is not the key of'),
  });
});
