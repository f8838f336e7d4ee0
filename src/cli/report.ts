/** The health report: sections of records, the same for all of its forms. */
import type { AdminClient } from '../admin/client.ts';
import { backlogSummaryNoun } from '../admin/records/backlog-summary.ts';
import { type Columns, count, datetime, flag, type Noun, text, toDatetime } from '../admin/records/column.ts';
import { conflictNoun } from '../admin/records/conflict.ts';
import { connectionNoun } from '../admin/records/connection.ts';
import { attentionNoun, type EventRecord } from '../admin/records/event.ts';
import { fileSystemNoun } from '../admin/records/file-system.ts';
import { folderNoun } from '../admin/records/folder.ts';
import { groupMemberNoun } from '../admin/records/group-member.ts';
import { propagationNoun } from '../admin/records/propagation.ts';
import { serviceNoun } from '../admin/records/service.ts';
import { sessionNoun } from '../admin/records/session.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { gatherTroubles, type TroubleEvent } from '../model/troubles.ts';

type Row = Readonly<Record<string, unknown>>;

export interface ReportSection {
  /** Property of the JSON object. */
  readonly name: string;
  readonly title: string;
  readonly noun: Noun;
  /** What people are shown; null: the columns that have a heading. */
  readonly shown: readonly string[] | null;
  readonly rows: readonly Row[];
  readonly none: string;
}

export interface Report {
  readonly title: string;
  /** ISO 8601. */
  readonly time: string;
  readonly days: number;
  readonly sections: readonly ReportSection[];
}

const SESSIONS = 50;
const CONFLICTS = 100;
const PROPAGATIONS = 20;
const DAY_MS = 86_400_000;

const troubleColumns = {
  Severity: text('error, warning, or information where that came unusually often.', { heading: 'SEVERITY' }),
  EventId: count('Number of the event.', { heading: 'ID' }),
  EventName: text('Name of the event.', { heading: 'EVENT' }),
  Subject: text('The folder, partner or connection concerned.', { heading: 'WHAT' }),
  Count: count('How often it happened.', { heading: 'TIMES' }),
  FirstTime: datetime('When it happened first.'),
  LastTime: datetime('When it happened last.', { heading: 'LAST' }),
  SinceStart: flag('It has happened since the member last started.', { heading: 'SINCE START' }),
  Message: text('What happened the last time, in words.', { heading: 'MESSAGE' }),
} satisfies Columns;

export const troubleNoun = {
  title: 'Trouble',
  about: 'Events of one kind about one subject, in the health report.',
  columns: troubleColumns,
} satisfies Noun;

/** Asks for everything; what is asked for last is the newest. */
export async function gatherReport(client: AdminClient, { days, now }: { days: number; now: number }): Promise<Report> {
  const status = await client.status();
  const { members } = await client.groupMembers();
  const { fileSystems } = await client.fileSystems();
  const { sessions } = await client.sessions({ limit: SESSIONS });
  // A disk that fails is no reason to have no report: it is when one is wanted.
  const preserved = await client.conflicts({ limit: CONFLICTS }).catch(error => {
    if (error instanceof TandemError && error.code !== 'DAEMON_UNREACHABLE') return error;
    throw error;
  });
  const { rows: propagations } = await client.propagationReport({ limit: PROPAGATIONS });
  const { events } = await client.events({ limit: LIMITS.eventJournalEntries });
  const section = (
    name: string,
    title: string,
    content: { noun: Noun; rows: readonly Row[]; none: string; shown?: readonly string[] },
  ): ReportSection => ({ name, title, shown: null, ...content });
  return {
    title: `${status.service.MemberName} of ${status.service.ReplicationGroupName}`,
    time: toDatetime(now),
    days,
    sections: [
      section('Attention', 'Needs a hand', {
        noun: attentionNoun,
        rows: status.attention,
        none: 'nothing needs a hand',
      }),
      section('Service', 'Member', {
        noun: serviceNoun,
        rows: [status.service],
        none: '',
        shown: ['MemberName', 'State', 'StateReason', 'ProviderVersion', 'ServiceStartTime', 'Listen', 'ConfigDigest'],
      }),
      section('Members', 'Members of the group', { noun: groupMemberNoun, rows: members, none: 'no members' }),
      section('ConfigDifferences', 'Members with another configuration', {
        noun: groupMemberNoun,
        rows: members.filter(({ ConfigDiffers }) => ConfigDiffers === true),
        none: 'all members that were heard have the same configuration',
        shown: ['MemberName', 'ConfigDigest', 'LastContactTime'],
      }),
      section('Folders', 'Folders', {
        noun: folderNoun,
        rows: status.folders,
        none: 'no folders',
        shown: [
          'ReplicatedFolderName',
          'State',
          'StateReason',
          'FileCount',
          'DirectoryCount',
          'SizeInBytes',
          'UpdatesPending',
          'PendingBytes',
          'StageSizeInBytes',
          'ConflictCount',
          'ConflictSizeInBytes',
          'LastScanTime',
          'RootPath',
        ],
      }),
      section('FileSystems', 'File systems', { noun: fileSystemNoun, rows: fileSystems, none: 'none is known' }),
      section('Connections', 'Connections', { noun: connectionNoun, rows: status.connections, none: 'no connections' }),
      section('Backlogs', 'Backlogs', { noun: backlogSummaryNoun, rows: status.backlogs, none: 'no partners' }),
      section('Sessions', `Sessions, the last ${SESSIONS}`, { noun: sessionNoun, rows: sessions, none: 'no sessions' }),
      section('Conflicts', `Preserved items, the first ${CONFLICTS}`, {
        noun: conflictNoun,
        rows: preserved instanceof TandemError ? [] : preserved.conflicts,
        none: preserved instanceof TandemError ? `not known: ${preserved.message}` : 'nothing is preserved',
      }),
      section('Propagation', 'Propagation tests', {
        noun: propagationNoun,
        rows: propagations,
        none: 'no test is remembered',
      }),
      section('Troubles', `Errors and warnings of the last ${days} days`, {
        noun: troubleNoun,
        rows: gatherTroubles(events.map(troubleEvent), now - days * DAY_MS).map(trouble => ({
          Severity: trouble.severity,
          EventId: trouble.number,
          EventName: trouble.name,
          Subject: trouble.subject,
          Count: trouble.count,
          FirstTime: toDatetime(trouble.first),
          LastTime: toDatetime(trouble.last),
          SinceStart: trouble.sinceStart,
          Message: trouble.message,
        })),
        none: 'none',
      }),
    ],
  };
}

/** The noun with the columns that people are shown, each with a heading. */
export function shownNoun({ noun, shown }: ReportSection): Noun {
  if (shown === null) return noun;
  const columns = Object.fromEntries(
    shown.map(property => {
      const column = noun.columns[property]!;
      return [property, { ...column, heading: column.heading ?? headingOf(property) }];
    }),
  );
  return { ...noun, columns };
}

/** `StageSizeInBytes` → `STAGE SIZE IN BYTES` */
function headingOf(property: string): string {
  return property.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase();
}

function troubleEvent({ Time, EventId, EventName, Severity, Message, Fields }: EventRecord): TroubleEvent {
  const fields = JSON.parse(Fields) as Readonly<Record<string, unknown>>;
  const subject = [fields.folder, fields.partner, fields.address].filter(part => part !== undefined).join(', ');
  return { time: Date.parse(Time), number: EventId, name: EventName, severity: Severity, message: Message, subject };
}
