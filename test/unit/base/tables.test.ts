import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EVENTS, makeEvent } from '../../../src/base/events.ts';
import { describeUnknown, nearestName } from '../../../src/base/known-names.ts';
import { createLog } from '../../../src/base/pino-log.ts';
import { VERSION } from '../../../src/base/version.ts';

test('event numbers are unique, and our own start at 20000', () => {
  const numbers = Object.values(EVENTS).map(event => event.number);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const number of numbers) expect(number < 10_100 || number >= 20_000).toBe(true);
});

test('every event is raised somewhere', () => {
  const src = new URL('../../../src/', import.meta.url);
  const text = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && path !== 'base/events.ts')
    .map(path => readFileSync(new URL(path, src), 'utf8'))
    .join('\n');
  const silent = Object.keys(EVENTS).filter(name => !text.includes(`'${name}'`));
  expect(silent).toEqual([]);
});

/** [dfsr.md §4.1]: those whose number stands in the sources, by what happened. */
test('happenings that DFS Replication knows have its numbers', () => {
  const numbers = Object.fromEntries(Object.entries(EVENTS).map(([name, { number }]) => [name, number]));
  expect(numbers).toMatchObject({
    SERVICE_STARTED: 1004,
    SERVICE_INTERNAL_ERROR: 1010,
    LISTENER_ERROR: 1208,
    DATABASE_ERROR: 2104,
    RECOVERY_STARTED: 2212,
    FOLDER_STALE: 4012,
    INITIAL_SYNC_FINISHED: 4104,
    FOLDER_REMOVED: 4114,
    STAGING_FULL: 4208,
    FILE_UNSUPPORTED: 4406,
    DISK_FULL: 4502,
    CONNECTION_ERROR: 5002,
    CONNECTION_UNREACHABLE: 5008,
    CONNECTION_UNRECOGNIZED: 5012,
    CONNECTION_INCOMPATIBLE: 5102,
    CONFIG_INVALID: 6002,
    ROOT_INVALID: 6404,
    ROOT_STALE: 6406,
  });
});

test('an event takes number and severity from the table', () => {
  expect(
    makeEvent('CONNECTION_UNREACHABLE', { time: 5, message: 'beta does not answer', fields: { partner: 'beta' } }),
  ).toEqual({
    time: 5,
    number: 5008,
    name: 'CONNECTION_UNREACHABLE',
    severity: 'warning',
    message: 'beta does not answer',
    fields: { partner: 'beta' },
  });
});

test('an unknown name is answered with a guess and the known ones', () => {
  expect(describeUnknown({ what: 'folder', name: 'dcos', known: ['media', 'docs'] })).toBe(
    'there is no folder “dcos”; did you mean “docs”? Known: docs, media',
  );
  expect(describeUnknown({ what: 'folder', name: 'x', known: ['media', 'docs'] })).toBe(
    'there is no folder “x”; known: docs, media',
  );
  expect(describeUnknown({ what: 'folder', name: 'x', known: [] })).toBe(
    'there is no folder “x”; there is none at all',
  );
  expect(
    describeUnknown({ what: 'folder', name: 'x', known: Array.from({ length: 25 }, (_, index) => `folder${index}`) }),
  ).toContain(' and 5 more');
  expect(nearestName('QUIET', ['quiet', 'quietLimit'])).toBe('quiet');
});

test('the log writes JSON lines, or plain ones for people', () => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  createLog({ level: 'info', format: 'json', write }).child({ folder: 'docs' }).warn({ files: 3 }, 'a message');
  expect(JSON.parse(lines[0]!)).toEqual({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    folder: 'docs',
    files: 3,
    msg: 'a message',
  });
  const log = createLog({ level: 'info', format: 'text', write });
  log.debug({}, 'not shown');
  log.error({ error: new Error('boom'), deep: { a: 1 } }, 'it failed');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} error it failed {2}error=\{.*boom.*\} deep=\{"a":1\}\n$/);
});

test('the version is the one of package.json', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(VERSION).toBe(version);
});
