/**
 * One step of a scan: some directories, compared with the records, become new versions in one commit.
 * A name that is new is looked up by inode first: a known file that is no longer at its old place has moved.
 */
import type { Found, Hashed, ScanAnswer } from '../disk/disk.ts';
import {
  bornRecord,
  changedRecord,
  childrenFirst,
  deletedRecord,
  diskLook,
  type Look,
  sameContentLook,
  sameIncarnation,
} from '../model/local-record.ts';
import type { Recipe } from '../model/recipe.ts';
import { FENCE, type FileRecord, type Stat } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { Child } from '../store/store.ts';
import type { FolderCore, Stamp } from './folder-core.ts';
import { join } from './paths.ts';

export interface ScanDirectory {
  readonly uid: Uid;
  readonly path: string;
}

export interface HashJob {
  readonly directory: Uid;
  readonly name: string;
  readonly path: string;
  readonly stat: Stat;
}

export interface Findings {
  /** New versions, not yet stamped. */
  readonly drafts: Draft[];
  /** Names that are not where they were; whether they are deleted shows at the end of the pass. */
  readonly gone: Child[];
  /** Files that were seen to have moved, but have not come to rest. */
  readonly deferred: Set<Uid>;
  /** Directories that something else took the place of: what is below them is gone, too. */
  readonly replaced: Uid[];
  readonly hashJobs: HashJob[];
  /** Known directories that are another directory now, or have moved: look at everything below them too. */
  readonly descend: ScanDirectory[];
  /** Directories with files that have not come to rest. */
  readonly hot: Set<ScanDirectory>;
}

/** A record to be: what it replaces and how to make it once there is a version. Without `make` only the look is remembered. */
export interface Draft {
  readonly before: FileRecord | undefined;
  readonly make: ((stamp: Stamp) => FileRecord) | null;
  readonly seen: FileRecord | null;
  readonly recipe: Recipe | null;
  readonly effect: 'born' | 'edited' | 'attributes' | 'moved' | 'deleted' | 'seen';
  /** Of what was born or moved. */
  readonly path?: string;
  /** What was moved or got other attributes, as it was seen. */
  readonly look?: Stat | null;
}

interface Sighting {
  readonly directory: ScanDirectory;
  readonly found: Found;
  readonly child: Child | undefined;
}

export interface SightingsOfStep {
  readonly sightings: readonly Sighting[];
  readonly gone: readonly Child[];
}

/** Pairs each name that was found new or changed with the record that had the name. */
export function sightingsOf(
  directories: readonly ScanDirectory[],
  children: readonly Child[][],
  answers: readonly ScanAnswer[],
): SightingsOfStep {
  const sightings: Sighting[] = [];
  const gone: Child[] = [];
  answers.forEach((answer, index) => {
    if (answer.kind !== 'listed') return;
    const byName = new Map(children[index]!.map(child => [child.name, child]));
    for (const found of answer.found)
      sightings.push({ directory: directories[index]!, found, child: byName.get(found.name) });
    for (const name of answer.gone) {
      const child = byName.get(name);
      if (child) gone.push(child);
    }
  });
  return { sightings, gone };
}

/** Decides what the sightings mean. Reads the store and, for suspected moves, looks at the old places. */
export async function judgeSightings(
  core: FolderCore,
  { sightings, gone }: SightingsOfStep,
  firstScan: boolean,
): Promise<Findings> {
  const findings: Findings = {
    drafts: [],
    gone: [],
    deferred: new Set(),
    replaced: [],
    hashJobs: [],
    descend: [],
    hot: new Set(),
  };
  const owners = await core.store.findByInode(sightings.map(s => s.found.stat.ino));
  const uids = [...new Set([...owners, ...sightings.map(s => s.child?.uid)].filter(uid => uid !== undefined))];
  const records = new Map<Uid, FileRecord>();
  for (const record of await core.store.records(uids)) if (record) records.set(record.uid, record);
  const suspects = await findMovers(core, sightings, owners, records);
  const strangers = sightingsElsewhere(sightings, suspects, records);
  const movers = new Map([...suspects].filter(([sighting]) => !strangers.has(sighting)));
  const waiting = deferSightings(sightings, movers, strangers);
  const moved = new Set<Uid>();
  for (const [sighting, { uid }] of movers) (waiting.has(sighting) ? findings.deferred : moved).add(uid);
  for (const sighting of sightings) {
    const current = sighting.child && records.get(sighting.child.uid);
    const rested =
      !waiting.has(sighting) &&
      judgeOne(core, { sighting, current, mover: movers.get(sighting), moved, firstScan }, findings);
    if (!rested) findings.hot.add(sighting.directory);
  }
  for (const child of gone) if (!moved.has(child.uid) && !findings.deferred.has(child.uid)) findings.gone.push(child);
  const below = await presentBelow(core, findings.replaced, moved);
  findings.drafts.unshift(...below.map(deletion));
  return findings;
}

/**
 * Sightings to be judged later: files that have not come to rest, and whatever took a name that such a file has left,
 * for by the records the name is still taken.
 */
function deferSightings(
  sightings: readonly Sighting[],
  movers: ReadonlyMap<Sighting, FileRecord>,
  strangers: ReadonlySet<Sighting>,
): ReadonlySet<Sighting> {
  const waiting = new Set<Sighting>(strangers);
  const byCurrent = new Map(
    sightings.flatMap(sighting => (sighting.child ? [[sighting.child.uid, sighting] as const] : [])),
  );
  for (const first of sightings) {
    if (!first.found.hot) continue;
    for (let at: Sighting | undefined = first; at && !waiting.has(at); ) {
      waiting.add(at);
      const mover: FileRecord | undefined = movers.get(at);
      at = mover && byCurrent.get(mover.uid);
    }
  }
  return waiting;
}

/**
 * What was seen at a path where, as the very same step shows, another directory lies by now than the records say: it
 * is in that one, and is looked at again once the records know.
 */
function sightingsElsewhere(
  sightings: readonly Sighting[],
  movers: ReadonlyMap<Sighting, FileRecord>,
  records: ReadonlyMap<Uid, FileRecord>,
): ReadonlySet<Sighting> {
  const changed = new Set<string>();
  for (const { directory, found, child } of sightings) {
    const current = child && records.get(child.uid);
    const isSame = current?.disk && sameIncarnation(current.disk, found.stat);
    if (current?.kind === 'directory' && !isSame) changed.add(join(directory.path, found.name));
  }
  const left = new Set([...movers.values()].filter(record => record.kind === 'directory').map(record => record.uid));
  if (changed.size === 0 && left.size === 0) return new Set();
  return new Set(
    sightings.filter(
      ({ directory }) => left.has(directory.uid) || [...changed].some(path => isAtOrBelow(directory.path, path)),
    ),
  );
}

/** What the records have below directories that something else took the place of, children first, but for what moved away. */
async function presentBelow(
  core: FolderCore,
  directories: readonly Uid[],
  moved: ReadonlySet<Uid>,
): Promise<FileRecord[]> {
  const found: FileRecord[] = [];
  let level = directories;
  while (level.length > 0) {
    const children = (await core.store.children(level)).flat().filter(child => !moved.has(child.uid));
    const records = await core.store.records(children.map(child => child.uid));
    const present = records.filter(record => record?.present === true) as FileRecord[];
    found.push(...present);
    level = present.filter(record => record.kind === 'directory').map(record => record.uid);
  }
  return childrenFirst(found);
}

/** Which sightings are known files that left their old place. */
async function findMovers(
  core: FolderCore,
  sightings: readonly Sighting[],
  owners: readonly (Uid | undefined)[],
  records: ReadonlyMap<Uid, FileRecord>,
): Promise<Map<Sighting, FileRecord>> {
  const suspects: { sighting: Sighting; record: FileRecord; oldPath: string }[] = [];
  for (const [i, sighting] of sightings.entries()) {
    const record = owners[i] === undefined ? undefined : records.get(owners[i]);
    if (!record?.present || !record.disk || record.uid === sighting.child?.uid) continue;
    if (!sameIncarnation(record.disk, sighting.found.stat)) continue;
    // What lay here before lies here still. If another record has it too, it was away for a moment, and seen there.
    const current = sighting.child && records.get(sighting.child.uid);
    if (current?.disk && sameIncarnation(current.disk, sighting.found.stat)) continue;
    // A file that replaced a known file under its name is an edit of that file (write aside, rename over).
    if (current && sighting.found.stat.kind !== 'directory' && current.kind === sighting.found.stat.kind) continue;
    const oldPath = await core.paths.of(record);
    // Below its own old place there is another directory of that name by now: nothing moves into itself.
    if (oldPath === undefined || isAtOrBelow(sighting.directory.path, oldPath)) continue;
    suspects.push({ sighting, record, oldPath });
  }
  const looks = suspects.length === 0 ? [] : await core.disk.look(suspects.map(s => s.oldPath));
  const movers = new Map<Sighting, FileRecord>();
  const claimed = new Set<Uid>();
  suspects.forEach(({ sighting, record }, i) => {
    const look = looks[i];
    if ((look && look.ino === record.disk!.ino) || claimed.has(record.uid)) return;
    claimed.add(record.uid);
    movers.set(sighting, record);
  });
  return movers;
}

function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

interface Case {
  readonly sighting: Sighting;
  /** Who has the name by the records. */
  readonly current: FileRecord | undefined;
  /** Who was seen to have moved here. */
  readonly mover: FileRecord | undefined;
  readonly moved: ReadonlySet<Uid>;
  readonly firstScan: boolean;
}

/** Answers false when the directory must be looked at again soon. */
function judgeOne(core: FolderCore, { sighting, current, mover, moved, firstScan }: Case, into: Findings): boolean {
  const { found, directory } = sighting;
  const kind = found.stat.kind;
  if (kind === 'other') return true;
  if (found.hot) return false;
  const place = { parent: directory.uid, name: found.name };
  const path = join(directory.path, found.name);
  const inTheWay = current?.present && !moved.has(current.uid) && current.uid !== mover?.uid ? current : undefined;

  if (inTheWay?.kind === 'directory' && (mover || kind !== 'directory')) into.replaced.push(inTheWay.uid);
  if (mover) {
    if (inTheWay) into.drafts.push(deletion(inTheWay));
    into.drafts.push({ ...movement(mover, place, found), path });
    // What changed below it may have been hinted at under a path that nobody is at any more.
    if (kind === 'directory') into.descend.push({ uid: mover.uid, path });
    return kind !== 'file' || sameContentLook(mover.disk!, found.stat);
  }
  if (inTheWay?.kind === kind) {
    judgeKnown(sighting, inTheWay, path, into);
    return true;
  }
  if (inTheWay) into.drafts.push(deletion(inTheWay));
  if (kind === 'file' && !found.content)
    into.hashJobs.push({ directory: directory.uid, name: found.name, path, stat: found.stat });
  else into.drafts.push({ ...birth(core, place, found, firstScan), path });
  return true;
}

function judgeKnown({ found, directory }: Sighting, current: FileRecord, path: string, into: Findings): void {
  const { stat, content } = found;
  if (current.kind === 'file') {
    if (content) into.drafts.push(contentDraft(current, content));
    else into.hashJobs.push({ directory: directory.uid, name: found.name, path, stat });
    return;
  }
  const seen: FileRecord = { ...current, disk: diskLook(stat) };
  if (current.kind === 'symlink') {
    const change = found.target === current.target ? {} : { target: found.target, mtimeNs: stat.mtimeNs };
    into.drafts.push(knownDraft(current, seen, change, null, 'edited'));
    return;
  }
  if (current.disk && !sameIncarnation(current.disk, stat)) into.descend.push({ uid: current.uid, path });
  const change = stat.mode === (current.disk ?? current).mode ? {} : { mode: stat.mode };
  into.drafts.push(knownDraft(current, seen, change, null, 'attributes'));
}

/** An edit, a change of attributes only, or nothing but a new look. */
export function contentDraft(current: FileRecord, content: Hashed): Draft {
  const stat = content.stat;
  if (content.hash === current.hash) {
    return knownDraft(
      current,
      { ...current, disk: stat },
      attributeChange(current, stat),
      content.recipe,
      'attributes',
    );
  }
  const change = { hash: content.hash, size: stat.size, mode: stat.mode, mtimeNs: stat.mtimeNs };
  return {
    before: current,
    make: stamp => changedRecord(current, change, stat, stamp),
    seen: null,
    recipe: content.recipe,
    effect: 'edited',
  };
}

/** The difference in attributes between a record and a look that has been hashed. */
function attributeChange(current: FileRecord, stat: Stat): { mode?: number; mtimeNs?: bigint } {
  const before = current.disk ?? { mode: current.mode, mtimeNs: current.mtimeNs };
  return {
    ...(stat.mode !== before.mode ? { mode: stat.mode } : {}),
    ...(stat.mtimeNs !== before.mtimeNs ? { mtimeNs: stat.mtimeNs } : {}),
  };
}

function knownDraft(
  current: FileRecord,
  seen: FileRecord,
  change: Parameters<typeof changedRecord>[1],
  recipe: Recipe | null,
  effect: Draft['effect'],
): Draft {
  if (Object.keys(change).length === 0) return { before: current, make: null, seen, recipe: null, effect: 'seen' };
  if (current.provisional) return { before: current, make: null, seen: { ...seen, ...change }, recipe, effect: 'seen' };
  return {
    before: current,
    make: stamp => changedRecord(current, change, seen.disk, stamp),
    seen: null,
    recipe,
    effect,
    look: seen.disk,
  };
}

function movement(mover: FileRecord, place: { parent: Uid; name: string }, found: Found): Draft {
  const sameContent = mover.kind !== 'file' || sameContentLook(mover.disk!, found.stat);
  // With other content the old look is kept, so that the next look at the new place finds the edit.
  const disk = sameContent ? found.stat : mover.disk;
  const mode =
    mover.kind === 'symlink' || !sameContent || found.stat.mode === mover.disk!.mode ? {} : { mode: found.stat.mode };
  if (mover.provisional) {
    return {
      before: mover,
      make: null,
      seen: { ...mover, ...place, ...mode, disk: disk && diskLook(disk) },
      recipe: null,
      effect: 'moved',
    };
  }
  return {
    before: mover,
    make: stamp => changedRecord(mover, { ...place, ...mode }, disk, stamp),
    seen: null,
    recipe: null,
    effect: 'moved',
    look: disk && diskLook(disk),
  };
}

export function deletion(record: FileRecord): Draft {
  return { before: record, make: stamp => deletedRecord(record, stamp), seen: null, recipe: null, effect: 'deleted' };
}

export function birth(core: FolderCore, place: { parent: Uid; name: string }, found: Found, firstScan: boolean): Draft {
  const content = found.content;
  const look: Look = {
    kind: found.stat.kind as Look['kind'],
    stat: content?.stat ?? found.stat,
    hash: content?.hash ?? '',
    target: found.target,
  };
  const phase = core.memory.phase;
  const provisional = firstScan && (phase === 'initial-sync' || phase === 'auto-recovery');
  const fence = provisional
    ? FENCE.initialSync
    : firstScan && core.config.primary === core.member.name
      ? FENCE.initialPrimary
      : FENCE.default;
  const options = { now: core.clock.now(), fence, provisional };
  return {
    before: undefined,
    make: stamp => bornRecord(place, look, stamp, options),
    seen: null,
    recipe: content?.recipe ?? null,
    effect: 'born',
  };
}
