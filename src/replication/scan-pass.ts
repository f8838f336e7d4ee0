/**
 * A pass over the whole folder or over some directories: the scan is the truth, hints only say where to look first.
 * Deletions are confirmed at the end of the pass, when what vanished can no longer turn up elsewhere.
 */
import { LIMITS } from '../base/limits.ts';
import type { ScanAnswer, Unsupported } from '../disk/disk.ts';
import { childrenFirst } from '../model/local-record.ts';
import type { Recipe } from '../model/recipe.ts';
import type { FileRecord, Stat } from '../model/update.ts';
import type { Uid } from '../model/version.ts';
import type { Child } from '../store/store.ts';
import type { BusyPaths } from './busy-files.ts';
import type { FolderChange, FolderCore } from './folder-core.ts';
import { join, parentOf } from './paths.ts';
import {
  birth,
  contentDraft,
  type Draft,
  type HashJob,
  judgeSightings,
  type ScanDirectory,
  sightingsOf,
} from './scan-step.ts';

export interface PassRequest {
  /** Where to begin. */
  readonly directories: readonly ScanDirectory[];
  /** Also look into every known directory below. */
  readonly deep: boolean;
  readonly firstScan: boolean;
  /** Do not wait for files to come to rest. */
  readonly impatient: boolean;
  /** As many edits as were found already and put off; if a look at everything finds no more, that is all of them. */
  readonly knownEdits: number;
  /** The brakes were told to let everything through. */
  readonly decided: boolean;
}

export interface PassResult {
  /** So many files were edited that nothing of it is published before a look at the whole folder finds no more. 0: few. */
  readonly putOff: number;
  readonly hot: readonly ScanDirectory[];
  readonly gone: readonly Child[];
  readonly unreadable: readonly string[];
  readonly unsupported: readonly (Unsupported & { path: string })[];
  readonly hardLinks: readonly string[];
  readonly versions: number;
  /** The directories that were looked at, or for, but for those of a deep pass. */
  readonly looked: ReadonlySet<Uid>;
  /** Of them, those that were not there. */
  readonly missing: readonly ScanDirectory[];
  /** Files that have not come to rest. */
  readonly busy: BusyPaths;
}

/** More of them are not named. */
const BUSY_FILES = 1000;
const EDITS_AT_ONCE = 20_000;

/** Asked before drafts are committed: answers those that are to be; null holds all of them back, and what else the step found. */
export type Brake = (drafts: readonly Draft[]) => Promise<readonly Draft[] | null>;

export async function scanPass(
  core: FolderCore,
  request: PassRequest,
  brake: Brake,
  signal: AbortSignal,
): Promise<PassResult> {
  const queue: ScanDirectory[] = [...request.directories];
  /** Directories to be looked at with everything known below them. */
  const deep = new Set<Uid>();
  const suspected = new Set<Uid>();
  const hot = new Map<Uid, ScanDirectory>();
  const gone = new Map<Uid, Child>();
  const looked = new Set<Uid>();
  const missing: ScanDirectory[] = [];
  const deferred = new Set<Uid>();
  const result = {
    unreadable: [] as string[],
    unsupported: [] as (Unsupported & { path: string })[],
    hardLinks: [] as string[],
    versions: 0,
  };
  const busy = new Map<Uid, Set<string>>();
  let busyFiles = 0;
  const noteBusy = (directory: Uid, path: string): void => {
    if (busyFiles++ >= BUSY_FILES) return;
    const paths = busy.get(directory);
    if (paths) paths.add(path);
    else busy.set(directory, new Set([path]));
  };
  const jobs: HashJob[] = [];
  const edits: Draft[] = [];
  /** Known files that are being edited just now. */
  let restless = 0;
  while (queue.length > 0 && !signal.aborted && core.active) {
    const waiting = queue.splice(0, LIMITS.scanDirectoriesPerStep);
    await core.line.run(async () => {
      if (!core.active) return;
      const step = await whereTheyAre(core, waiting);
      if (!request.deep) for (const { uid } of step) looked.add(uid);
      const children = await core.store.children(step.map(directory => directory.uid));
      const answers = await core.disk.scan(
        step.map((directory, i) => ({
          path: directory.path,
          known: children[i]!.flatMap(child => (child.disk ? [{ name: child.name, stat: child.disk }] : [])),
          hashUpToBytes: LIMITS.scanHashBytesPerStep / 8,
          quietMs: request.impatient || request.firstScan ? 0 : core.config.quietMs,
        })),
      );
      const seen = sightingsOf(step, children, answers);
      restless += seen.sightings.filter(({ found, child }) => found.hot && child).length;
      for (const { found, directory } of seen.sightings)
        if (found.hot) noteBusy(directory.uid, join(directory.path, found.name));
      const findings = await judgeSightings(core, seen, request.firstScan);
      const others = findings.drafts.filter(draft => draft.effect !== 'edited');
      for (const draft of findings.drafts) if (draft.effect === 'edited') edits.push(draft);
      const meant = await brake(others);
      if (meant === null) return;
      const records = await commitDrafts(core, meant);
      result.versions += records.length;
      for (const { uid, path } of findings.hot) hot.set(uid, { uid, path });
      for (const child of findings.gone) gone.set(child.uid, child);
      for (const uid of findings.deferred) deferred.add(uid);
      jobs.push(...findings.hashJobs);
      queue.push(...findings.descend, ...newDirectories(meant, records));
      for (const { uid } of findings.descend) deep.add(uid);
      for (const [i, directory] of step.entries()) {
        if (answers[i]!.kind !== 'listed') {
          queue.push(...(await above(core, directory, suspected)));
          if (answers[i]!.kind === 'missing' && !request.deep) missing.push(directory);
          continue;
        }
        if (!request.deep && !deep.has(directory.uid)) continue;
        for (const child of children[i]!) {
          if (child.disk?.kind !== 'directory') continue;
          queue.push({ uid: child.uid, path: join(directory.path, child.name) });
          deep.add(child.uid);
        }
      }
      report(step, answers, result);
    });
    if (jobs.length > 0)
      result.versions += await hashFiles(core, jobs.splice(0), { request, brake, hot, noteBusy, signal });
    if (edits.length >= EDITS_AT_ONCE) result.versions += await commitEdits(core, edits.splice(0), { brake, hot });
  }
  const edited = edits.length + restless;
  const burst = edits.length > 0 && isBurst(core, request, { edits: edited, hot });
  if (burst) for (const draft of edits) await lookAgain(core, draft.before!, hot);
  else result.versions += await commitEdits(core, edits, { brake, hot });
  return {
    ...result,
    looked,
    missing,
    busy,
    putOff: burst ? edited : 0,
    hot: [...hot.values()],
    gone: [...gone.values()].filter(({ uid }) => !deferred.has(uid)),
  };
}

/** Where the records have a directory and the disk has none, the one above it tells what became of it. */
async function above(core: FolderCore, { uid, path }: ScanDirectory, suspected: Set<Uid>): Promise<ScanDirectory[]> {
  const [record] = uid === core.root ? [] : await core.store.records([uid]);
  if (!record || suspected.has(record.parent)) return [];
  suspected.add(record.parent);
  return [{ uid: record.parent, path: parentOf(path) }];
}

/** Many edits, and perhaps more elsewhere or still under way: what it comes to must be seen before any of it is published. */
function isBurst(
  core: FolderCore,
  request: PassRequest,
  { edits, hot }: { readonly edits: number; readonly hot: ReadonlyMap<Uid, unknown> },
): boolean {
  const many = edits >= core.config.brakes.minimumFiles && core.config.brakes.changedShare < 1;
  if (!many || request.impatient || request.decided) return false;
  return hot.size > 0 || !request.deep || edits > request.knownEdits;
}

async function lookAgain(core: FolderCore, record: FileRecord, hot: Map<Uid, ScanDirectory>): Promise<void> {
  const uid = record.parent;
  const path = hot.has(uid) ? undefined : await core.paths.ofDirectory(uid);
  if (path !== undefined) hot.set(uid, { uid, path });
}

/** The edits of a pass are judged together: whether they are too many to be meant shows only at its end. */
async function commitEdits(
  core: FolderCore,
  edits: readonly Draft[],
  { brake, hot }: { readonly brake: Brake; readonly hot: Map<Uid, ScanDirectory> },
): Promise<number> {
  if (edits.length === 0) return 0;
  return core.line.run(async () => {
    if (!core.active) return 0;
    const meant = (await brake(edits)) ?? [];
    const now = await core.store.records(meant.map(draft => draft.before!.uid));
    const isValid = (draft: Draft, i: number): boolean =>
      now[i]?.gvsn === draft.before!.gvsn && now[i].parent === draft.before!.parent;
    const valid = meant.filter(isValid);
    // What has changed since is judged anew.
    for (const [i, draft] of meant.entries())
      if (!isValid(draft, i)) await lookAgain(core, now[i] ?? draft.before!, hot);
    return (await commitDrafts(core, valid)).length;
  });
}

/** Directories may have moved or gone since they were put into the queue, and another one may have their place by now. */
async function whereTheyAre(core: FolderCore, directories: readonly ScanDirectory[]): Promise<ScanDirectory[]> {
  const found: ScanDirectory[] = [];
  for (const uid of new Set(directories.map(directory => directory.uid))) {
    const path = await core.paths.ofDirectory(uid);
    if (path !== undefined) found.push({ uid, path });
  }
  return found;
}

/** Stamps and commits drafts. Only within a task of the line. Answers the records that got new versions. */
export async function commitDrafts(core: FolderCore, drafts: readonly Draft[]): Promise<FileRecord[]> {
  const versioned: FileRecord[] = [];
  for (let from = 0; from < drafts.length; from += LIMITS.installGroupFiles) {
    const group = drafts.slice(from, from + LIMITS.installGroupFiles);
    const makers = group.filter(draft => draft.make);
    const stamps = await core.stamps(makers.map(draft => draft.before));
    const put: { before: FileRecord | undefined; after: FileRecord }[] = [];
    const forget: FileRecord[] = [];
    const recipes = new Map<Uid, Recipe>();
    let next = 0;
    let directoryMoved = false;
    for (const draft of group) {
      const after = draft.make ? draft.make(stamps[next++]!) : draft.seen!;
      if (draft.before?.provisional && !after.present) forget.push(draft.before);
      else put.push({ before: draft.before, after });
      if (draft.make) versioned.push(after);
      if (draft.recipe) recipes.set(after.uid, draft.recipe);
      if (after.kind === 'directory' && (draft.effect === 'moved' || draft.effect === 'deleted')) directoryMoved = true;
    }
    const change: FolderChange = { put, ...(forget.length ? { forget } : {}), ...(recipes.size ? { recipes } : {}) };
    await core.commit(change);
    if (directoryMoved) core.paths.forget();
  }
  return versioned;
}

function newDirectories(drafts: readonly Draft[], records: readonly FileRecord[]): ScanDirectory[] {
  const born = drafts.filter(draft => draft.effect === 'born');
  const paths = new Map(born.flatMap(draft => (draft.path && draft.make ? [[draft, draft.path] as const] : [])));
  const result: ScanDirectory[] = [];
  let next = 0;
  for (const draft of drafts) {
    if (!draft.make) continue;
    const record = records[next++]!;
    const path = paths.get(draft);
    if (record.kind === 'directory' && record.present && path !== undefined) result.push({ uid: record.uid, path });
  }
  return result;
}

interface HashContext {
  readonly request: PassRequest;
  readonly brake: Brake;
  readonly hot: Map<Uid, ScanDirectory>;
  readonly noteBusy: (directory: Uid, path: string) => void;
  readonly signal: AbortSignal;
}

/** Large files are read outside the line, one at a time; their record is made if nothing changed meanwhile. */
async function hashFiles(
  core: FolderCore,
  jobs: readonly HashJob[],
  { request, brake, hot, noteBusy, signal }: HashContext,
): Promise<number> {
  let versions = 0;
  for (const job of jobs) {
    if (signal.aborted || !core.active) break;
    const hashed = await core.disk.hash(job.path, job.stat, signal);
    const again = () => void hot.set(job.directory, { uid: job.directory, path: parentOf(job.path) });
    if (typeof hashed === 'string') {
      if (hashed === 'changed') noteBusy(job.directory, job.path);
      again();
      continue;
    }
    await core.line.run(async () => {
      const place = { parent: job.directory, name: job.name };
      const [occupant] = await core.store.occupants([place]);
      const current = occupant === undefined ? undefined : (await core.store.records([occupant]))[0];
      if ((current && current.kind !== 'file') || !(await isStillThere(core, place, hashed.stat))) return again();
      const found = { name: job.name, stat: hashed.stat, target: '', content: hashed, hot: false };
      const draft = current ? contentDraft(current, hashed) : birth(core, place, found, request.firstScan);
      versions += (await commitDrafts(core, (await brake([draft])) ?? [])).length;
    });
  }
  return versions;
}

/** While a file was read its directory may have moved, or an update may have taken its place. */
async function isStillThere(
  core: FolderCore,
  place: { readonly parent: Uid; readonly name: string },
  stat: Stat,
): Promise<boolean> {
  const path = await core.paths.of(place);
  const [look] = path === undefined ? [] : await core.disk.look([path]);
  return look?.ino === stat.ino && look.ctimeNs === stat.ctimeNs;
}

/** Of names that vanished: which are really gone, with everything below them, children first. */
export async function confirmGone(core: FolderCore, candidates: readonly Uid[]): Promise<FileRecord[]> {
  // What is known not to be on disk is on its way from a partner, not deleted.
  const records = (await core.store.records(candidates)).filter(
    record => record?.present === true && record.disk !== null,
  ) as FileRecord[];
  const paths = await core.paths.ofMany(records);
  const known = records.flatMap((record, i) => (paths[i] === undefined ? [] : [{ record, path: paths[i] }]));
  const looks = await core.disk.look(known.map(entry => entry.path));
  const roots = known.filter((_, i) => looks[i] === null).map(entry => entry.record);
  const found = new Map<Uid, FileRecord>();
  let level = roots;
  while (level.length > 0) {
    const fresh = level.filter(record => !found.has(record.uid));
    for (const record of fresh) found.set(record.uid, record);
    const directories = fresh.filter(record => record.kind === 'directory').map(record => record.uid);
    const children = await core.store.children(directories);
    const below = await core.store.records(children.flat().map(child => child.uid));
    level = below.filter(record => record?.present === true) as FileRecord[];
  }
  return childrenFirst([...found.values()]);
}

function report(
  step: readonly ScanDirectory[],
  answers: readonly ScanAnswer[],
  into: { unreadable: string[]; unsupported: (Unsupported & { path: string })[]; hardLinks: string[] },
): void {
  answers.forEach((answer, i) => {
    const directory = step[i]!.path;
    if (answer.kind === 'unreadable') into.unreadable.push(directory);
    if (answer.kind !== 'listed') return;
    for (const item of answer.unsupported) into.unsupported.push({ ...item, path: join(directory, item.name) });
    for (const found of answer.found) {
      if (found.stat.kind === 'file' && found.stat.nlink > 1) into.hardLinks.push(join(directory, found.name));
    }
  });
}
