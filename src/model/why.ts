/** Which rule, wait, member or error holds one file, in the order in which an administrator would look. */
import type { Obstacle, ObstacleKind } from './obstacles.ts';

export interface WhyFacts {
  /** Why the path is not replicated at all: a filter, its kind, Tandem’s own directory; null: it is. */
  readonly excluded: { readonly kind: 'reserved' | 'filter' | 'unsupported'; readonly reason: string } | null;
  /** The directory on the way that cannot be read. */
  readonly unreadable: string | null;
  readonly halt: { readonly reason: string; readonly since: number; readonly command: string } | null;
  /** What the folder waits for to pass. */
  readonly obstacles: readonly Obstacle[];
  /** The folder is read-only here: nothing flows out, and what users change is undone. */
  readonly readOnly: boolean;
  /** Why the folder tells its partners nothing now; '': it does, or never does. */
  readonly notServing: string;
  readonly updates: readonly UpdateFacts[];
  readonly record: RecordFacts | null;
  readonly disk: DiskFacts;
  /** How long a file must rest before it is recorded, and after which time it is recorded all the same. */
  readonly quiet: { readonly restMs: number; readonly limitMs: number };
  /** The other members of the folder. */
  readonly partners: readonly PartnerFacts[];
  readonly preserved: readonly { readonly id: string; readonly reason: string; readonly time: number }[];
}

/** A version that is on its way here. */
export interface UpdateFacts {
  readonly version: string;
  readonly partner: string;
  readonly stage: string;
  readonly reason: string;
  readonly since: number;
  /** Of one that was put off. */
  readonly retryAt: number | null;
}

export interface RecordFacts {
  readonly present: boolean;
  readonly provisional: boolean;
  readonly nameConflict: boolean;
  /** The member that made this version, as far as its database is known. */
  readonly author: string | null;
  readonly madeAt: number;
}

/** How the path looks on this disk, against its record. */
export interface DiskFacts {
  readonly look: 'nothing' | 'as-recorded' | 'changed' | 'unknown';
  /** When what is there last changed. */
  readonly changedAt: number | null;
}

export interface PartnerFacts {
  readonly name: string;
  /** Of the version in the record. */
  readonly has: 'yes' | 'no' | 'unknown';
  /** Versions of the folder that it has and this member lacks. */
  readonly ahead: number;
  /** Why nothing is heard of it; '': it is heard. */
  readonly silence: string;
  /** Why it cannot take anything from here now; '': it can. */
  readonly outbound: string;
  readonly next: number | null;
}

export type HoldKind =
  | 'reserved'
  | 'filter'
  | 'unsupported'
  | 'unreadable'
  | 'halted'
  | ObstacleKind
  | 'pending'
  | 'put-off'
  | 'first-sync'
  | 'not-quiet'
  | 'missing-here'
  | 'undone'
  | 'read-only'
  | 'not-serving'
  | 'partner-lacks'
  | 'partner-ahead'
  | 'partner-unknown'
  | 'preserved-copy';

export interface Hold {
  readonly kind: HoldKind;
  /** The member concerned; '': this one. */
  readonly member: string;
  readonly reason: string;
  readonly since: number | null;
  /** What happens next, and the command that helps if one does. */
  readonly next: string;
  readonly nextAt: number | null;
}

export type Verdict = 'not-replicated' | 'held' | 'deleted' | 'identical' | 'absent';

export interface Why {
  readonly verdict: Verdict;
  readonly sentence: string;
  /** What holds it here first, then what holds it elsewhere, then what is good to know. */
  readonly holds: readonly Hold[];
}

/** Rows that tell something without holding anything back. */
const NOTES: readonly HoldKind[] = ['read-only', 'partner-unknown', 'preserved-copy'];

export function explainWhy(facts: WhyFacts): Why {
  const { excluded } = facts;
  if (excluded) {
    const next = excluded.kind === 'filter' ? 'stays out until the filter in group.yaml is another one' : 'stays out';
    return {
      verdict: 'not-replicated',
      sentence: `it is not replicated: ${excluded.reason}`,
      holds: [hold(excluded.kind, excluded.reason, { next }), ...preservedCopies(facts)],
    };
  }
  const local = facts.readOnly ? readOnlyHolds(facts) : localHolds(facts);
  const holds = [...folderHolds(facts), ...updateHolds(facts), ...local, ...partnerHolds(facts)];
  const all = [...holds, ...preservedCopies(facts)];
  const holding = holds.find(({ kind }) => !NOTES.includes(kind));
  const { record, disk } = facts;
  if (record && !record.present && disk.look === 'nothing') return { ...deleted(facts, record, holding), holds: all };
  if (!record && disk.look === 'nothing' && facts.updates.length === 0) {
    const sentence = 'nothing is there, and nothing of such a name is on its way or was deleted within memory';
    return { verdict: 'absent', sentence, holds: all };
  }
  if (holding) return { verdict: 'held', sentence: holding.reason, holds: all };
  return { verdict: 'identical', sentence: identical(facts), holds: all };
}

function folderHolds({ halt, obstacles, unreadable }: WhyFacts): Hold[] {
  const holds: Hold[] = [];
  if (halt)
    holds.push(
      hold('halted', `the folder is halted: ${halt.reason}`, { since: halt.since, next: `decide: ${halt.command}` }),
    );
  for (const { kind, sentence, since } of obstacles)
    holds.push(
      hold(kind, sentence, {
        since,
        next: kind === 'disk-full' ? 'goes on when there is room' : 'is tried again by itself',
      }),
    );
  if (unreadable !== null)
    holds.push(
      hold('unreadable', `the directory “${unreadable}” cannot be read`, {
        next: 'is looked at again with every scan; check its owner and mode',
      }),
    );
  return holds;
}

function updateHolds({ updates }: WhyFacts): Hold[] {
  return updates.map(({ version, partner, stage, reason, since, retryAt }) => {
    const because = reason === '' ? '' : `: ${reason}`;
    if (retryAt === null)
      return hold('pending', `version ${version} from ${partner} is ${stage}${because}`, {
        since,
        next: 'goes on by itself; “tandem update list” shows its neighbours',
      });
    return hold('put-off', `version ${version} from ${partner} was put off${because}`, {
      since,
      next: 'is asked for again',
      nextAt: retryAt,
    });
  });
}

function localHolds({ record, disk, quiet, halt, notServing, updates }: WhyFacts): Hold[] {
  const holds: Hold[] = [];
  if (disk.look === 'changed' && !halt) {
    const reason = record?.present
      ? 'it changed on this disk since it was recorded, and waits until it rests'
      : 'it is on this disk and not recorded yet; it waits until it rests, or for the next scan';
    holds.push(
      hold('not-quiet', reason, {
        since: disk.changedAt,
        next: `is recorded ${quiet.restMs / 1000} s after its last change, or after ${quiet.limitMs / 1000} s of changes`,
        nextAt: disk.changedAt === null ? null : disk.changedAt + quiet.restMs,
      }),
    );
  }
  if (record?.provisional)
    holds.push(
      hold('first-sync', 'it was here before the first synchronisation and is told to nobody until that is over', {
        next: 'is compared with the partners’ copies',
      }),
    );
  if (record?.present && disk.look === 'nothing' && updates.length === 0 && !halt)
    holds.push(
      hold('missing-here', 'its record says that it is here, and the disk has nothing', {
        next: 'is told as a deletion, or found elsewhere as a move; “tandem folder rescan” looks now',
      }),
    );
  if (notServing !== '' && !halt)
    holds.push(
      hold('not-serving', `the folder tells its partners nothing: ${notServing}`, { next: 'goes on by itself' }),
    );
  return holds;
}

/** Where nothing flows out, what users do is undone. */
function readOnlyHolds({ record, disk, halt, updates }: WhyFacts): Hold[] {
  const holds: Hold[] = [];
  if (disk.look === 'changed' && !halt)
    holds.push(
      hold('undone', 'it was changed on this disk, where the folder is read-only', {
        since: disk.changedAt,
        next: 'is undone once it rests, and its content preserved: “tandem conflict list”',
      }),
    );
  if (record?.present && disk.look === 'nothing' && updates.length === 0 && !halt)
    holds.push(
      hold('undone', 'it was deleted or moved on this disk, where the folder is read-only', {
        next: 'is had again from the partners, or moved back',
      }),
    );
  if (record?.provisional)
    holds.push(
      hold('first-sync', 'it was here before the first synchronisation and is told to nobody', {
        next: 'is compared with the partners’ copies; what they do not have goes to the pre-existing area',
      }),
    );
  holds.push(
    hold('read-only', 'the folder is read-only here: nothing flows out of this member', {
      next: 'stays so until group.yaml says otherwise',
    }),
  );
  return holds;
}

function partnerHolds({ partners, record, readOnly }: WhyFacts): Hold[] {
  return partners.flatMap(({ name, has, ahead, silence, outbound, next }) => {
    const holds: Hold[] = [];
    if (has === 'no' && record && !record.provisional && !readOnly) {
      const because = outbound === '' ? '' : `: ${outbound}`;
      const what = record.present ? 'this version' : 'this deletion';
      holds.push(
        hold('partner-lacks', `${name} lacks ${what}${because}`, {
          member: name,
          since: record.madeAt,
          next: outbound === '' ? `${name} fetches it` : `${name} fetches it when it calls again`,
        }),
      );
    }
    if (ahead > 0)
      holds.push(
        hold('partner-ahead', `${name} has ${ahead} versions that are not here yet; one may be of this file`, {
          member: name,
          next: 'they are asked for',
        }),
      );
    if (has === 'unknown' || silence !== '')
      holds.push(
        hold('partner-unknown', silence === '' ? `what ${name} holds is not known here` : `${name}: ${silence}`, {
          member: name,
          next: next === null ? '' : `${name} is called again`,
          nextAt: next,
        }),
      );
    return holds;
  });
}

function preservedCopies({ preserved }: WhyFacts): Hold[] {
  return preserved.map(({ id, reason, time }) =>
    hold('preserved-copy', `an earlier content is preserved: ${reason}`, {
      since: time,
      next: `“tandem conflict show ${id}”`,
    }),
  );
}

function deleted(facts: WhyFacts, record: RecordFacts, holding: Hold | undefined): Pick<Why, 'verdict' | 'sentence'> {
  const who = record.author ?? 'a member that is not known any more';
  const how = record.nameConflict ? 'it lost its name to another file, seen by' : 'it was deleted on';
  const rest = holding ? `; ${holding.reason}` : everywhere(facts);
  return { verdict: 'deleted', sentence: `${how} ${who}${rest}` };
}

function identical(facts: WhyFacts): string {
  if (facts.partners.length === 0) return 'it is recorded here, and no other member has the folder';
  return `identical everywhere known${everywhere(facts)}`;
}

function everywhere({ partners }: WhyFacts): string {
  const having = partners.filter(({ has }) => has === 'yes').map(({ name }) => name);
  const unknown = partners.filter(({ has }) => has !== 'yes').map(({ name }) => name);
  const known = having.length > 0 ? `; also on ${having.join(', ')}` : '';
  return unknown.length > 0 ? `${known}; not known of ${unknown.join(', ')}` : known;
}

function hold(kind: HoldKind, reason: string, rest: Partial<Omit<Hold, 'kind' | 'reason'>>): Hold {
  return { kind, reason, member: '', since: null, next: '', nextAt: null, ...rest };
}
