import { describe, expect, test } from 'vitest';
import { TandemError } from '../../../src/base/errors.ts';
import { parseGroup } from '../../../src/config/group-file.ts';
import { reviewGroup } from '../../../src/config/group-review.ts';
import { ALWAYS, levelAt } from '../../../src/model/schedule.ts';
import { parseWeek } from '../../../src/model/schedule-text.ts';
import { EXAMPLE_GROUP, placeOf, spoiled } from './example-group.ts';

const FILE = '/etc/tandem/group.yaml';

function refusal(text: string): string {
  try {
    parseGroup(text, FILE);
  } catch (error) {
    expect(error).toBeInstanceOf(TandemError);
    expect((error as TandemError).code).toBe('CONFIG_INVALID');
    return (error as TandemError).message;
  }
  throw new Error('it was accepted');
}

/** The refusal names the place of `needle` in `text` and says `words`. */
function expectRefusal(text: string, needle: string, ...words: string[]): void {
  const message = refusal(text);
  expect(message).toContain(`${FILE}:${placeOf(text, needle)}: `);
  for (const word of words) expect(message).toContain(word);
}

describe('a valid group.yaml', () => {
  const { group } = parseGroup(EXAMPLE_GROUP, FILE);

  test('becomes the group with defaults filled in and units as numbers', () => {
    expect(group.name).toBe('projects');
    expect(group.tombstoneLifetimeMs).toBe(60 * 86_400_000);
    expect(group.members.get('alpha')).toMatchObject({ name: 'alpha', host: 'alpha.example', port: 7420 });
    expect(group.members.get('alpha')!.certificate).toMatch(
      /^-----BEGIN CERTIFICATE-----\n[\w+/=\n]+-----END CERTIFICATE-----\n$/,
    );
    expect(group.folders.get('docs')).toMatchObject({
      primary: 'alpha',
      quietMs: 100,
      quietLimitMs: 5000,
      rescanMs: 3_600_000,
    });
    expect(group.folders.get('media')).toEqual({
      name: 'media',
      guid: '5e2d1c0b-4f3a-4b8c-8d7e-6a5b4c3d2e1f',
      primary: null,
      members: new Map([
        ['alpha', '/srv/media'],
        ['beta', '/mnt/big/media'],
      ]),
      filters: { files: ['~*', '*.bak', '*.tmp'], directories: [] },
      quietMs: 100,
      quietLimitMs: 5000,
      rescanMs: 3_600_000,
      readOnly: [],
      stagingQuotaBytes: 4 * 2 ** 30,
      conflictQuotaBytes: 4 * 2 ** 30,
      purgeOnlyCopies: false,
      brakes: { deletedShare: 0.5, changedShare: 0.5, minimumFiles: 100 },
    });
  });

  test('full-mesh stands for a connection from everybody to everybody, with GUIDs that follow from the members', () => {
    expect(group.connections.map(({ from, to, enabled }) => [from, to, enabled])).toEqual([
      ['alpha', 'beta', true],
      ['beta', 'alpha', true],
    ]);
    const listed = parseGroup(
      spoiled(['full-mesh', '[{ from: beta, to: alpha }, { from: alpha, to: beta }]']),
      FILE,
    ).group;
    expect(new Set(listed.connections.map(({ guid }) => guid))).toEqual(
      new Set(group.connections.map(({ guid }) => guid)),
    );
    for (const { guid } of group.connections)
      expect(guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(group.connections[0]!.guid).not.toBe(group.connections[1]!.guid);
  });

  test('a listed connection can have its own GUID and be disabled', () => {
    const guid = '11111111-2222-4333-8444-555555555555';
    const { connections } = parseGroup(
      spoiled(['full-mesh', `[{ from: alpha, to: beta, guid: ${guid.toUpperCase()}, enabled: false }]`]),
      FILE,
    ).group;
    expect(connections).toEqual([{ guid, from: 'alpha', to: 'beta', enabled: false, schedule: ALWAYS }]);
  });

  test('the group’s schedule holds for every connection that has none of its own', () => {
    const office = 'mon-fri 08:00-18:00: 1Mbps, else: full';
    const meshed = parseGroup(spoiled(['schedule: always', `schedule: "${office}"`]), FILE).group;
    const expected = { week: parseWeek(office), time: 'local' };
    expect(meshed.connections.map(({ schedule }) => schedule)).toEqual([expected, expected]);
    expect(meshed.digest).not.toBe(group.digest);
    const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
    const digits = days.map(day => `${day}: "${'F'.repeat(48)}${'0'.repeat(48)}"`).join(', ');
    const { connections } = parseGroup(
      spoiled(
        ['schedule: always', `schedule: "${office}"`],
        ['full-mesh', `[{ from: alpha, to: beta, schedule: { time: utc, ${digits} } }, { from: beta, to: alpha }]`],
      ),
      FILE,
    ).group;
    expect(connections[1]!.schedule).toEqual(expected);
    expect(connections[0]!.schedule.time).toBe('utc');
    const utc = () => 0;
    expect(levelAt(connections[0]!.schedule, Date.UTC(2026, 0, 5, 11, 59), utc)).toBe(15);
    expect(levelAt(connections[0]!.schedule, Date.UTC(2026, 0, 5, 12), utc)).toBe(0);
  });

  test('the digest is the same whatever the order and the units, and changes with the meaning', () => {
    const digest = (text: string) => parseGroup(text, FILE).group.digest;
    expect(group.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(digest(spoiled(['rescan: 1h', 'rescan: 60m'], ['stagingQuota: 4GiB', 'stagingQuota: 4096MiB']))).toBe(
      group.digest,
    );
    expect(
      digest(spoiled(['{ alpha: /srv/media, beta: /mnt/big/media }', '{ beta: /mnt/big//media/, alpha: /srv/media }'])),
    ).toBe(group.digest);
    expect(digest(spoiled(['full-mesh', '[{ from: beta, to: alpha }, { from: alpha, to: beta }]']))).toBe(group.digest);
    expect(digest(spoiled(['rescan: 1h', 'rescan: 2h']))).not.toBe(group.digest);
    expect(digest(spoiled(['quiet: 100ms', 'quiet: 101ms']))).not.toBe(group.digest);
  });

  test('a certificate in one quoted line with folded white space is the same certificate', () => {
    const pem = group.members.get('alpha')!.certificate;
    const start = EXAMPLE_GROUP.indexOf('    certificate: |');
    const end = EXAMPLE_GROUP.indexOf('  beta:');
    const folded = `${EXAMPLE_GROUP.slice(0, start)}    certificate: ${JSON.stringify(pem.replaceAll('\n', ' '))}\n${EXAMPLE_GROUP.slice(end)}`;
    expect(parseGroup(folded, FILE).group.digest).toBe(group.digest);
  });

  test('an IPv6 address stands in brackets', () => {
    const { members } = parseGroup(spoiled(['alpha.example:7420', '[::1]:7420']), FILE).group;
    expect(members.get('alpha')).toMatchObject({ host: '::1', port: 7420 });
  });

  test('is reviewed: folders without a way between two members are named', () => {
    expect(reviewGroup(group)).toEqual([]);
    const mirror = parseGroup(
      spoiled(['full-mesh', '[{ from: alpha, to: beta }]'], ['readOnly: []', 'readOnly: [beta]']),
      FILE,
    );
    expect(mirror.group.folders.get('docs')!.readOnly).toEqual(['beta']);
    expect(reviewGroup(mirror.group)).toEqual([
      'folder media: changes made on beta never reach alpha; no enabled connections lead there',
    ]);
    const oneWay = parseGroup(spoiled(['full-mesh', '[{ from: alpha, to: beta }]']), FILE).group;
    expect(reviewGroup(oneWay)).toEqual([
      'folder docs: changes made on beta never reach alpha; no enabled connections lead there',
      'folder media: changes made on beta never reach alpha; no enabled connections lead there',
    ]);
  });
});

describe('what the schema refuses', () => {
  test('an unknown key, with a guess and the known ones', () => {
    const text = spoiled(['quiet: 100ms', 'quite: 100ms']);
    expectRefusal(text, 'quite: 100ms', 'folders.docs.quite: unknown key', 'did you mean “quiet”', 'stagingQuota');
  });

  test('a key that stands twice', () => {
    const text = spoiled(['    primary: alpha', '    primary: alpha\n    primary: beta']);
    expectRefusal(text, 'primary: beta', 'twice');
  });

  test('a missing key, at the map that lacks it', () => {
    const text = spoiled(['    guid: 90d2a7c4-6b1e-4e0f-b0c3-5a9d7e2f4b81\n', '']);
    expectRefusal(text, 'address: "beta', 'members.beta.guid: this key is missing; expected a GUID');
  });

  test.each([
    [
      'quiet: 100ms',
      'quiet: 100',
      '100',
      'folders.docs.quiet: expected a duration such as 300ms',
      'found 100, a number',
      'put it in quotes',
    ],
    ['quiet: 100ms', 'quiet: soon', 'soon', '“soon” is not a duration'],
    ['quiet: 100ms', 'quiet: 2h', '2h', 'too long; at most 1h'],
    ['tombstoneLifetime: 60d', 'tombstoneLifetime: 1s', '1s', 'too short; at least 1h'],
    ['stagingQuota: 4GiB', 'stagingQuota: 4 gigs', '4 gigs', '“4 gigs” is not a size'],
    ['stagingQuota: 4GiB', 'stagingQuota: 1KiB', '1KiB', 'too small; at least 1MiB'],
    ['guid: b7aa3c55-', 'guid: zzzz-', 'zzzz-', 'is not a GUID', 'uuidgen'],
    ['guid: b7aa3c55-0c43-4d0c-9d0e-2f1a6c7b8d92', 'guid: 00000000-0000-0000-0000-000000000000', '00000000-', 'zeros'],
    ['"alpha.example:7420"', 'alpha.example', 'alpha.example', 'is not an address', '[2001:db8::7]:7420'],
    ['"alpha.example:7420"', '"::1:7420"', '"::1', 'is not an address'],
    ['"alpha.example:7420"', '"alpha:70000"', '"alpha:70000', 'is not an address'],
    ['connections: full-mesh', 'connections: star', 'star', 'expected full-mesh, or a list', 'found “star”'],
    [
      'connections: full-mesh',
      'connections: [{ from: alpha, too: beta }]',
      'too:',
      'connections[0].too: unknown key',
      'did you mean “to”',
    ],
    [
      'connections: full-mesh',
      'connections: [{ from: alpha, to: beta, enabled: yes }]',
      'yes }',
      'enabled: expected true or false, found “yes”',
    ],
    [
      'schedule: always',
      'schedule: "mon-fri 08:00-18:00: 3Mbps"',
      '"mon-fri',
      'group.schedule: “3mbps” is no bandwidth level; write one of off, 16kbps',
    ],
    [
      'schedule: always',
      'schedule: { time: utc, week: "mon: fast" }',
      '"mon: fast',
      'group.schedule.week: “fast” is no bandwidth level',
    ],
    ['schedule: always', 'schedule: { time: noon }', 'noon', 'time: expected local or utc, found “noon”'],
    [
      'connections: full-mesh',
      'connections: [{ from: alpha, to: beta, schedule: { monday: "ff" } }]',
      '"ff"',
      'connections[0].schedule.monday: expected 96 hexadecimal digits',
      'found 2',
    ],
    [
      'connections: full-mesh',
      `connections: [{ from: alpha, to: beta, schedule: { monday: "${'f'.repeat(96)}" } }]`,
      '{ monday',
      'schedule: the levels of sunday, tuesday, wednesday, thursday, friday, saturday are missing',
    ],
    [
      'connections: full-mesh',
      `connections: [{ from: alpha, to: beta, schedule: { week: always, monday: "${'f'.repeat(96)}" } }]`,
      '{ week',
      'give either week or the seven days',
    ],
    [
      'connections: full-mesh',
      'connections: [{ from: alpha, to: beta, schedule: { weak: always } }]',
      'weak',
      'unknown key; did you mean “week”',
    ],
    [
      'connections: full-mesh',
      'connections: [{ from: alpha, to: beta, schedule: 5 }]',
      '5 }',
      'schedule: expected a schedule: always, never, or rules',
    ],
    ['minimumFiles: 100', 'minimumFiles: 1.5', '1.5', 'expected a whole number'],
    ['deletedShare: 0.5', 'deletedShare: half', 'half', 'expected a number from 0 to 1, found “half”'],
    ['"*.bak"', '"a/b"', '"a/b"', 'not with paths'],
    ['directories: []', 'directories: "x"', '"x"', 'expected a list of name patterns'],
  ])('%s → %s', (from, to, value, ...words) => {
    const text = spoiled([from, to]);
    const [line, column] = placeOf(text, to).split(':').map(Number);
    const message = refusal(text);
    expect(message).toContain(`${FILE}:${line}:${column! + to.lastIndexOf(value)}: `);
    for (const word of words) expect(message).toContain(word);
  });

  test('a key without a value', () => {
    expect(refusal(spoiled(['name: projects', 'name:']))).toMatch(/:2:\d+: group.name: expected a name, found nothing/);
  });

  test('a file that is empty, no map, or no YAML', () => {
    expect(refusal('')).toContain(`${FILE}:1:1: group: this key is missing`);
    expect(refusal('- a\n- b\n')).toContain(
      `${FILE}:1:1: expected a map with the keys group, members, connections, folders, found a list`,
    );
    expect(refusal('group: [\nmembers: }')).toContain(`${FILE}:2:10: `);
  });

  test('several problems are listed at once, in the order of the file', () => {
    const text = spoiled(
      ['quiet: 100ms', 'quiet: soon'],
      ['rescan: 1h', 'rescan: often'],
      ['name: projects', 'nmae: projects'],
    );
    const lines = refusal(text).split('\n');
    expect(lines[0]).toBe('4 problems in the configuration:');
    const places = lines.slice(1).map(line => Number(/:(\d+):\d+: /.exec(line)![1]));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(lines.join()).toContain('did you mean “name”');
  });
});

describe('what contradicts', () => {
  test('a GUID used twice, naming the other place', () => {
    const text = spoiled(['5e2d1c0b-4f3a-4b8c-8d7e-6a5b4c3d2e1f', 'B7AA3C55-0c43-4d0c-9d0e-2f1a6c7b8d92']);
    expectRefusal(text, 'B7AA', `already stands at ${placeOf(text, 'b7aa3c55')} (folders.docs.guid)`);
  });

  test('an address used twice', () => {
    expectRefusal(
      spoiled(['beta.example:7420', 'ALPHA.example:7420']),
      '"ALPHA',
      'this address already stands at',
      'members.alpha.address',
    );
  });

  test('a certificate used twice', () => {
    const pem = (text: string, name: string) =>
      text.slice(
        text.indexOf('-----BEGIN', text.indexOf(`  ${name}:`)),
        text.indexOf('-----END', text.indexOf(`  ${name}:`)),
      );
    const text = spoiled([pem(EXAMPLE_GROUP, 'beta'), pem(EXAMPLE_GROUP, 'alpha')]);
    expect(refusal(text)).toContain('members.beta.certificate: this certificate already stands at');
  });

  test('a certificate that is none, is cut, or is a private key', () => {
    expect(refusal(spoiled(['-----BEGIN CERTIFICATE-----', '-----BEGIN NONSENSE-----']))).toContain(
      'members.alpha.certificate: expected one certificate',
    );
    const body = /-----BEGIN CERTIFICATE-----\n\s+(\S+)/.exec(EXAMPLE_GROUP)![1]!;
    expect(refusal(spoiled([body, body.slice(8)]))).toContain('cannot be decoded');
    const key = spoiled(
      ['-----BEGIN CERTIFICATE-----', '-----BEGIN PRIVATE KEY-----'],
      ['-----END CERTIFICATE-----', '-----END PRIVATE KEY-----'],
    );
    expect(refusal(key)).toContain('private key; it must never leave its host');
  });

  test('connections to unknown members, to oneself, and twice', () => {
    const unknown = spoiled(['full-mesh', '[{ from: alpha, to: betta }]']);
    expectRefusal(unknown, 'betta', 'there is no member “betta”; did you mean “beta”?', 'alpha, beta');
    expectRefusal(spoiled(['full-mesh', '[{ from: alpha, to: alpha }]']), 'alpha }]', 'two different members');
    const twice = spoiled([
      'full-mesh',
      '\n  - { from: alpha, to: beta }\n  - { from: alpha, to: beta, enabled: false }',
    ]);
    expectRefusal(
      twice,
      '{ from: alpha, to: beta, enabled',
      `already stands at ${placeOf(twice, '{ from: alpha, to: beta }')}`,
    );
  });

  test('a read-only member that is none of the folder’s, or its primary', () => {
    expectRefusal(spoiled(['readOnly: []', 'readOnly: [gamma]']), 'gamma]', 'folders.docs.readOnly[0]', 'gamma');
    expectRefusal(spoiled(['readOnly: []', 'readOnly: [alpha]']), 'alpha]', 'alpha is the primary');
  });

  test('folders on unknown members, and a primary that is not one of them', () => {
    expectRefusal(spoiled(['beta: /mnt/big/media', 'gamma: /mnt/big/media']), 'gamma', 'there is no member “gamma”');
    expectRefusal(
      spoiled(['primary: alpha', 'primary: gamma']),
      'gamma',
      'the primary has to be one of the folder’s members: alpha, beta',
    );
    expectRefusal(spoiled(['{ alpha: /srv/media, beta: /mnt/big/media }', '{}']), '{}', 'at least one member');
  });

  test.each([
    ['/srv/docs', 'is also the root'],
    ['/srv/docs/', 'is also the root'],
    ['/srv/docs/inner', 'lies inside the root'],
    ['/srv', 'contains the root'],
  ])('the root %s beside /srv/docs on one member', (root, relation) => {
    const text = spoiled(['alpha: /srv/media', `alpha: ${root}`]);
    const message = refusal(text);
    expect(message).toContain(`${relation} of the folder docs on alpha (${placeOf(text, '/srv/docs')})`);
    expect(message).toContain('folders.media.members.alpha');
  });

  test('roots that only begin alike are accepted', () => {
    expect(() => parseGroup(spoiled(['alpha: /srv/media', 'alpha: /srv/docs2']), FILE)).not.toThrow();
  });

  test.each([
    ['srv/media', 'not an absolute path'],
    ['/srv/../media', '“..”'],
    ['/', 'root directory of the host'],
    ['/srv/docs2/.tandem/x', 'Tandem’s own directory'],
  ])('the root %s', (root, words) => {
    expectRefusal(spoiled(['alpha: /srv/media', `alpha: ${root}`]), `${root}, beta`, words);
  });

  test('names with forbidden characters or the form of a GUID', () => {
    expectRefusal(spoiled(['  media:', '  me/dia:']), 'me/dia', 'cannot be a name');
    expectRefusal(
      spoiled(['  media:', '  b7aa3c55-0c43-4d0c-9d0e-2f1a6c7b8d93:']),
      'b7aa3c55-0c43-4d0c-9d0e-2f1a6c7b8d93',
      'mistaken',
    );
  });
});
