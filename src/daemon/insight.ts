/** Waits, reasons and reports, answered from the running member. */
import type { InsightBackend } from '../admin/insight.ts';
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';
import type { EventFeed } from './event-feed.ts';
import { groupMemberRecords } from './group-member-records.ts';
import type { PropagationAnswers } from './propagation-answers.ts';
import { propagationReport, runPropagationTest } from './propagation-test.ts';
import { waitForMember } from './wait-for-member.ts';
import { whyFile } from './why-file.ts';

export interface InsightParts {
  /** The member that runs now: another one after group.yaml was read again. */
  readonly member: () => Member;
  /** NOT_FOUND with the known ones. */
  readonly folderNamed: (folder: string) => Folder;
  /** That one, or all. */
  readonly foldersOf: (folder: string | undefined) => readonly Folder[];
  /** The name of the member that a name or GUID stands for. */
  readonly memberNamed: (member: string) => string;
  readonly events: Pick<EventFeed, 'emit' | 'list' | 'flush'>;
  readonly answers: PropagationAnswers;
  readonly clock: Clock;
}

export function createInsight(parts: InsightParts): InsightBackend {
  const { member, folderNamed, foldersOf, memberNamed, events, answers, clock } = parts;
  const running = new Set<string>();
  return {
    async *waitForMember({ folder, member: partner, timeoutMs }, signal) {
      const subject = { member, folder: folderNamed(folder), partner: memberNamed(partner), timeoutMs, clock };
      yield* waitForMember(subject, signal);
    },

    why: async query => whyFile(member(), foldersOf(query.folder), query),

    async *propagationTest({ folder, timeoutMs }, signal) {
      const { emit } = events;
      const subject = { member, folder: folderNamed(folder), timeoutMs, clock, emit, running, answers };
      yield* runPropagationTest(subject, signal);
    },

    async propagationReport({ folder, limit }) {
      const name = folder === undefined ? undefined : folderNamed(folder).core.config.name;
      await events.flush();
      const rows = propagationReport(await events.list({ limit: LIMITS.eventJournalEntries }), name);
      return { total: rows.length, rows: rows.slice(0, limit) };
    },

    groupMembers: async () => ({ members: groupMemberRecords(member(), clock.now()) }),
  };
}
