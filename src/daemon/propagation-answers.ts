/**
 * The part that every member takes in a propagation test: whoever gets the test's file notes when and from whom, and
 * writes an answer, a file that travels in its turn. What comes after that is noted in it, too.
 */
import { Bell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { parseTestAnswer, type TestAnswer, type TestArrival, THE_TEST } from '../model/propagation.ts';
import type { Stat } from '../model/update.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import type { PendingUpdate } from '../replication/pending.ts';
import { removeTestFile, TEST_FILE_PREFIX, type TestFile, writeTestFile } from './propagation-file.ts';

/** Several files come at once: they are noted together. */
const GATHER_MS = 100;
const RECORD_LOOK_MS = 10;
const RECORD_LOOKS = 1000;
/** Tests that are remembered; the oldest are forgotten first. */
const TESTS = 32;
const ARRIVALS = 1024;

interface Known {
  readonly id: string;
  readonly folder: string;
  /** By the member that wrote the file. */
  readonly arrivals: Map<string, TestArrival>;
  readonly bell: Bell;
  own: boolean;
  over: boolean;
  answering: boolean;
}

export interface PropagationAnswers {
  /** An update was installed; must only enqueue. */
  brought(folder: Folder, item: PendingUpdate): void;
  /** What came here of a test that this member runs. */
  arrivals(folder: Folder, id: string): readonly TestArrival[];
  /** This member runs the test itself: it answers nobody but itself. */
  runs(folder: Folder, id: string): void;
  /** Names of files that are not left-overs. */
  liveNames(folder: Folder): readonly string[];
  /** What the others have answered so far. */
  collect(folder: Folder, id: string): Promise<readonly TestAnswer[]>;
}

export function createPropagationAnswers(parts: {
  readonly member: () => Member;
  readonly clock: Clock;
  readonly log: Log;
}): PropagationAnswers {
  const { member, clock, log } = parts;
  const known = new Map<string, Known>();

  function testOf({ core }: Folder, id: string): Known {
    const key = `${core.config.guid}/${id}`;
    const found = known.get(key);
    if (found) return found;
    if (known.size >= TESTS) known.delete(known.keys().next().value!);
    const test = {
      id,
      folder: core.config.guid,
      arrivals: new Map(),
      bell: new Bell(),
      own: false,
      over: false,
      answering: false,
    };
    known.set(key, test);
    return test;
  }

  function clockAhead(connection: string): number {
    return member().inbound.find(({ parts: { guid } }) => guid === connection)?.clockAheadMs ?? 0;
  }

  function brought(folder: Folder, { update, round }: PendingUpdate): void {
    const { core } = folder;
    if (!update.name.startsWith(TEST_FILE_PREFIX) || update.parent !== core.root) return;
    const [, id, guid] = FILE_NAME.exec(update.name) ?? [];
    if (id === undefined) return;
    if (!update.present) {
      if (guid !== undefined) return;
      const ended = testOf(folder, id);
      ended.over = true;
      ended.bell.ring();
      // One that was written before this daemon started.
      if (!ended.answering) void withdraw(folder, id).catch(failed);
      return;
    }
    const of = guid === undefined ? THE_TEST : nameOf(folder, guid);
    const test = testOf(folder, id);
    if (of === undefined || test.arrivals.has(of) || test.arrivals.size >= ARRIVALS) return;
    const arrival = { of, from: round.partner, at: clock.now(), aheadMs: clockAhead(round.connection) };
    const first = test.arrivals.size === 0;
    test.arrivals.set(of, arrival);
    test.bell.ring();
    if (!first || test.own || core.readOnly) return;
    test.answering = true;
    const ended = () => {
      test.answering = false;
    };
    void answer(folder, test).catch(failed).finally(ended);
  }

  function nameOf({ core }: Folder, guid: string): string | undefined {
    return [...member().parts.group.members.values()].find(
      each => each.guid === guid && core.config.members.has(each.name),
    )?.name;
  }

  /** Writes the answer and writes it anew, until the test is over or another folder takes this one's place. */
  async function answer(folder: Folder, test: Known): Promise<void> {
    const { core, scanner } = folder;
    const file = answerFile(folder, test.id);
    let recordedAt: number | null = null;
    let stat: Stat | null = null;
    for (let looks = 0; !test.over && !scanner.ended && core.active; ) {
      const content: TestAnswer = {
        test: test.id,
        member: core.member.name,
        recordedAt,
        arrivals: [...test.arrivals.values()],
      };
      stat = await writeTestFile(folder, file, { content, replaces: stat });
      scanner.hint('');
      while (recordedAt === null && looks++ < RECORD_LOOKS && !scanner.ended) {
        if ((await core.paths.recordAt(file.name))?.present) recordedAt = clock.now();
        else await clock.sleep(RECORD_LOOK_MS);
      }
      if (content.recordedAt === recordedAt) await test.bell.heard();
      await clock.sleep(GATHER_MS);
    }
    if (!scanner.ended && stat) await removeTestFile(folder, file.name, stat);
  }

  async function withdraw(folder: Folder, id: string): Promise<void> {
    const { core } = folder;
    const { name } = answerFile(folder, id);
    const record = await core.paths.recordAt(name);
    if (record?.present && record.disk) await removeTestFile(folder, name, record.disk);
  }

  function failed(error: unknown): void {
    log.warn({ reason: messageOf(error) }, 'a propagation test is not answered');
  }

  return {
    brought,
    arrivals: (folder, id) => [...testOf(folder, id).arrivals.values()],
    runs: (folder, id) => {
      testOf(folder, id).own = true;
    },
    liveNames: folder =>
      [...known.values()]
        .filter(test => !test.own && !test.over && test.folder === folder.core.config.guid)
        .map(({ id }) => answerFile(folder, id).name),
    collect: (folder, id) => collect(folder, id),
  };

  async function collect(folder: Folder, id: string): Promise<TestAnswer[]> {
    const { core } = folder;
    const answers: TestAnswer[] = [];
    for (const name of core.config.members.keys()) {
      const guid = member().parts.group.members.get(name)?.guid;
      const path = TEST_FILE_PREFIX + id + (guid === undefined ? '' : `-${guid}`);
      const record = name === core.member.name ? undefined : await core.paths.recordAt(path);
      if (!record?.present || !record.disk || record.size > LIMITS.wholeFileBytes) continue;
      const [data] = await core.disk.readWhole([{ path, stat: record.disk }]);
      const read =
        data instanceof Uint8Array ? parseTestAnswer(Buffer.from(data).toString(), { test: id, member: name }) : null;
      if (read) answers.push(read);
    }
    return answers;
  }
}

/** The test's file, or with a member's GUID behind it that member's answer. */
const FILE_NAME = /^\.tandem-propagation-test-([0-9a-z]{5,24})(?:-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?$/;

function answerFile({ core }: Folder, id: string): TestFile {
  return { id: `${id}-${core.member.guid}`, name: `${TEST_FILE_PREFIX}${id}-${core.member.guid}` };
}
