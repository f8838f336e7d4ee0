import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../../src/base/errors.ts';
import {
  afterAttempt,
  optionNames,
  outcomeOfAll,
  refuseLink,
  refuseOrder,
  resultOfFailure,
  SYNC_OPTIONS,
  SYNC_RESULTS,
  type SyncLink,
} from '../../../src/model/replica-sync.ts';

const { ASYNCHRONOUS_OPERATION, ALL_SOURCES, FORCE, FULL, INTERSITE_MESSAGING, WRITEABLE } = SYNC_OPTIONS;
const DOCS = { name: 'docs', readOnly: false };
const READ_ONLY = { name: 'docs', readOnly: true };
const NULL_GUID = '00000000-0000-0000-0000-000000000000';
const codeOf = (
  folder: string,
  source: string | null,
  options: number,
  known: typeof DOCS | null = DOCS,
  spool: string | null = null,
) => refuseOrder({ folder, source, options }, { folder: known, spool })?.result ?? 0;

describe('the options', () => {
  test('have the values of the API', () => {
    expect(SYNC_OPTIONS).toEqual({
      ASYNCHRONOUS_OPERATION: 1,
      WRITEABLE: 2,
      PERIODIC: 4,
      INTERSITE_MESSAGING: 8,
      ALL_SOURCES: 16,
      FULL: 32,
      URGENT: 64,
      NO_DISCARD: 128,
      FORCE: 256,
      ADD_REFERENCE: 512,
    });
    expect(optionNames(FULL | FORCE | ASYNCHRONOUS_OPERATION)).toBe('ASYNCHRONOUS_OPERATION FULL FORCE');
    expect(optionNames(0)).toBe('');
  });
});

describe('what is refused at once', () => {
  test.each([
    ['nothing is wrong', 'docs', 'alpha', 0, DOCS, 0],
    ['all options of the API but those that exclude each other', 'docs', 'alpha', 0x3e7, DOCS, 0],
    ['all sources, asynchronously', 'docs', null, ALL_SOURCES | ASYNCHRONOUS_OPERATION, DOCS, 0],
    ['a bit that is no option', 'docs', 'alpha', 0x400, DOCS, 87],
    ['a negative number', 'docs', 'alpha', -1, DOCS, 87],
    ['no whole number', 'docs', 'alpha', 1.5, DOCS, 87],
    ['more than 32 bits', 'docs', 'alpha', 2 ** 40, DOCS, 87],
    ['no folder', ' ', 'alpha', 0, null, 8437],
    ['no source', 'docs', null, 0, DOCS, 8437],
    ['an empty source', 'docs', '', 0, DOCS, 8437],
    ['the null GUID', 'docs', NULL_GUID, 0, DOCS, 8437],
    ['all sources, synchronously', 'docs', null, ALL_SOURCES, DOCS, 8437],
    ['all sources and one', 'docs', 'alpha', ALL_SOURCES | ASYNCHRONOUS_OPERATION, DOCS, 8437],
    ['an unknown folder', 'dosc', 'alpha', 0, null, 8440],
    ['store and forward, and no spool', 'docs', 'alpha', INTERSITE_MESSAGING, DOCS, 8454],
    ['writeable, and the folder is', 'docs', 'alpha', WRITEABLE, DOCS, 0],
    ['writeable, and the folder only receives here', 'docs', 'alpha', WRITEABLE, READ_ONLY, 8440],
    ['a folder that only receives here, and nothing said of it', 'docs', 'alpha', 0, READ_ONLY, 0],
  ])('%s', (_what, folder, source, options, known, code) => {
    expect(codeOf(folder, source, options, known)).toBe(code);
  });

  test('store and forward is taken where there is a spool', () => {
    expect(codeOf('docs', 'alpha', INTERSITE_MESSAGING, DOCS, '/var/spool/tandem')).toBe(0);
  });

  test('in the order of the server: the parameters, the folder, the GUID, the transport', () => {
    expect(codeOf('dosc', null, 0x400, null)).toBe(87);
    expect(codeOf('dosc', null, 0, null)).toBe(8437);
    expect(codeOf('dosc', NULL_GUID, INTERSITE_MESSAGING, null)).toBe(8440);
    expect(codeOf('docs', NULL_GUID, INTERSITE_MESSAGING)).toBe(8437);
  });
});

describe('what is refused at its turn', () => {
  const link: SyncLink = {
    source: 'alpha',
    folder: 'docs',
    enabled: true,
    open: true,
    readOnly: false,
    stopped: null,
    halt: null,
  };
  const code = (given: Partial<SyncLink> | null, options = 0) =>
    refuseLink(given && { ...link, ...given }, { options, folder: 'docs', source: 'alpha' })?.result ?? 0;
  const halt = { reason: 'mass-deletion', sentence: 'too many files were deleted.' };

  test('each obstacle has its number', () => {
    expect(code({})).toBe(0);
    expect(code(null)).toBe(8452);
    expect(code({ enabled: false, open: false })).toBe(8457);
    expect(code({ open: false })).toBe(8617);
    expect(code({ halt })).toBe(8457);
    expect(code({ halt: { ...halt, reason: 'root-unwritable' } })).toBe(5);
  });

  test('a folder that has become read-only is none to be written', () => {
    expect(code({ readOnly: true })).toBe(0);
    expect(code({ readOnly: true }, WRITEABLE | FORCE)).toBe(8440);
  });

  test('messages obey no schedule', () => {
    expect(code({ open: false }, INTERSITE_MESSAGING)).toBe(0);
    expect(code({ enabled: false, open: false }, INTERSITE_MESSAGING)).toBe(8457);
  });

  test('FORCE opens what is disabled or closed, and nothing else', () => {
    expect(code({ enabled: false, open: false }, FORCE)).toBe(0);
    expect(code({ open: false }, FORCE)).toBe(0);
    expect(code({ halt }, FORCE)).toBe(8457);
    expect(code({ stopped: 'the pair is Suspended' }, FORCE)).toBe(8457);
    expect(code(null, FORCE)).toBe(8452);
  });
});

describe('results', () => {
  test('every failure of a connection has a number of the table', () => {
    for (const error of Object.keys(ERRORS) as ErrorCode[]) {
      expect(SYNC_RESULTS).toHaveProperty(String(resultOfFailure(error)));
      expect(resultOfFailure(error)).not.toBe(0);
    }
    expect(resultOfFailure('PEER_UNREACHABLE')).toBe(8444);
    expect(resultOfFailure('FOLDER_NOT_READY')).toBe(8456);
    expect(resultOfFailure('PEER_DISABLED')).toBe(8456);
    expect(resultOfFailure('PEER_UNRECOGNIZED')).toBe(8452);
  });

  test('all sources: the first failure is told beside what succeeded, and what had not arrived is none', () => {
    const ok = { source: 'alpha', outcome: { result: 0, sentence: 'all is here' } } as const;
    const down = { source: 'beta', outcome: { result: 8444, sentence: 'it does not answer' } } as const;
    const none = { source: 'gamma', outcome: { result: 8477, sentence: 'no bundle', nothingWaits: true } } as const;
    expect(outcomeOfAll([down])).toEqual(down.outcome);
    expect(outcomeOfAll([ok, down, none])).toEqual({
      result: 8444,
      sentence: '1 of 3 sources; beta (8444): it does not answer; alpha: all is here; gamma (8477): no bundle',
    });
    expect(outcomeOfAll([none, ok])).toMatchObject({ result: 0 });
    expect(outcomeOfAll([none, none])).toMatchObject({ result: 8477 });
  });

  test('failures are counted until a success; what gave way or was given up is none', () => {
    const subject = { folder: 'f', source: 's' };
    const attempt = (
      before: ReturnType<typeof afterAttempt> | undefined,
      result: keyof typeof SYNC_RESULTS,
      at: number,
    ) => afterAttempt(before, subject, { result, sentence: 'why' }, { begun: at, ended: at + 5 });
    const ok = attempt(undefined, 0, 10);
    expect(ok).toEqual({ ...subject, lastAttempt: 10, lastSuccess: 15, lastResult: 0, sentence: 'why', failures: 0 });
    const twice = attempt(attempt(ok, 8444, 20), 8456, 30);
    expect(twice).toMatchObject({ failures: 2, lastAttempt: 30, lastSuccess: 15, lastResult: 8456 });
    for (const displaced of [8461, 8462, 8463] as const) {
      expect(attempt(twice, displaced, 40)).toMatchObject({ failures: 2, lastResult: displaced, lastSuccess: 15 });
    }
    expect(attempt(twice, 0, 50)).toMatchObject({ failures: 0, lastSuccess: 55 });
  });
});
