/** What the admin API says, read through the CLI as a script of an administrator would. */
import type { Member } from './member.ts';
import { until } from './until.ts';

export interface PreservedItem {
  readonly id: string;
  /** Where it was, below the root. */
  readonly path: string;
  readonly area: string;
  /** Where it is now on this host. */
  readonly preservedPath: string;
}

/** Everything that was set aside, in both areas. */
export async function preservedItems(member: Member): Promise<PreservedItem[]> {
  const rows = await member.json<Record<string, string>[]>('conflict', 'list');
  return rows.map(row => ({
    id: row.Id!,
    path: row.ConflictPath!,
    area: row.Area!,
    preservedPath: row.PreservedPath!,
  }));
}

export interface EventRow {
  readonly EventName: string;
  readonly Message: string;
  readonly Severity: string;
}

export function events(member: Member): Promise<EventRow[]> {
  return member.json<EventRow[]>('event', 'list', '--limit', '1000');
}

/** Waits for an event of this name, and gives it. */
export function eventOf(member: Member, name: string, matching = /(?:)/): Promise<EventRow> {
  return until(
    `${member.name} has an event ${name} that says ${matching}`,
    async () => (await events(member)).find(event => event.EventName === name && matching.test(event.Message)),
    {
      timeoutMs: 30_000,
      everyMs: 300,
      explain: async () => (await events(member)).map(event => `${event.EventName}: ${event.Message}`).join('\n'),
    },
  );
}

export interface FolderRow {
  readonly StateName: string;
  readonly StateReason: string;
  readonly FileCount: number;
  readonly UpdatesPending: number;
  readonly HaltReason: string | null;
  readonly HaltDetail: string | null;
  readonly HaltDeletedFiles: number | null;
}

export function folderOf(member: Member, folder = 'docs'): Promise<FolderRow> {
  return member.json<FolderRow>('folder', 'show', folder);
}

/** How many versions the members have made of this folder so far: each update takes one number. */
export async function versionsMade(member: Member, folder = 'docs'): Promise<number> {
  const { Vector } = await member.json<{ Vector: { DatabaseGuid: string; Low: number; High: number }[] }>(
    'folder',
    'vector',
    folder,
  );
  return Vector.reduce((sum, interval) => sum + interval.High - interval.Low, 0);
}

/** Decides about a folder that is halted. A `retry` is no error where the folder goes on by itself already. */
export async function releaseFolder(
  member: Member,
  decision: 'accept' | 'refuse' | 'retry',
  folder = 'docs',
): Promise<void> {
  const ran = await member.tandem('folder', 'release', folder, `--${decision}`);
  const fine = ran.exitCode === 0 || (decision === 'retry' && ran.exitCode === REFUSED);
  if (!fine) throw new Error(`tandem folder release --${decision} ended with ${ran.exitCode}: ${ran.stderr}`);
}

const REFUSED = 7;

/** Waits until why the folder stands still, as the admin API tells it, matches. */
export function folderShows(member: Member, matching: RegExp, folder = 'docs'): Promise<true> {
  return until(
    `folder ${folder} on ${member.name} shows ${matching}`,
    async () => matching.test(haltText(await folderOf(member, folder))),
    {
      timeoutMs: 30_000,
      everyMs: 300,
      explain: async () => JSON.stringify(await folderOf(member, folder), null, 1),
    },
  ) as Promise<true>;
}

function haltText({ StateReason, HaltReason, HaltDetail }: FolderRow): string {
  return [HaltReason, HaltDetail, StateReason].join(' | ');
}
