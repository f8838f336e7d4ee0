/**
 * What a scan finds changed on a read-only member: it gets no version and is undone. Content that nobody recorded is
 * preserved, moves and attributes are taken back, and what is missing is asked for again. [dfsr.md §5.8]
 */
import { LIMITS } from '../base/limits.ts';
import type { Operation } from '../disk/disk.ts';
import type { FileRecord } from '../model/update.ts';
import { formatVersion } from '../model/version.ts';
import type { FolderCore } from './folder-core.ts';
import { emptyPlan, emptyStep, type Step } from './group-plan.ts';
import { runGroup } from './group-run.ts';
import { parentOf } from './paths.ts';
import { commitDrafts } from './scan-pass.ts';
import { type Draft, deletion } from './scan-step.ts';
import { askAgain } from './undo-changes.ts';

/** Paths named in one event. */
const NAMED_PATHS = 5;

export interface LookAgain {
  readonly directories: Set<string>;
  /** Of what could not be undone; not at once, as it may fail again. */
  readonly later: Set<string>;
  everything: boolean;
}

export class LocalChanges {
  readonly #core: FolderCore;
  #found: Draft[] = [];

  constructor(core: FolderCore) {
    this.#core = core;
  }

  /** Keeps back what is to be undone; answers what may be recorded, as it tells partners nothing. */
  sort(drafts: readonly Draft[]): readonly Draft[] {
    const isHarmless = ({ before, effect }: Draft): boolean => {
      if (effect === 'seen') return true;
      if (before?.provisional) return effect !== 'edited';
      return before === undefined && !this.#core.memory.initialScanDone;
    };
    this.#found.push(...drafts.filter(draft => !isHarmless(draft)));
    return drafts.filter(isHarmless);
  }

  /** Undoes what was kept back. Answers what must be looked at again: something may have been hidden by it. */
  async undo(): Promise<LookAgain> {
    const found = this.#found;
    this.#found = [];
    const again = { directories: new Set<string>(), later: new Set<string>(), everything: false };
    const undone: string[] = [];
    for (let from = 0; from < found.length; from += LIMITS.installGroupFiles) {
      const group = found.slice(from, from + LIMITS.installGroupFiles);
      await this.#core.line.run(async () => {
        if (this.#core.active) undone.push(...(await undoGroup(this.#core, group, again)));
      });
    }
    tell(this.#core, undone);
    return again;
  }

  /** Deletions are undone by asking for the records’ versions again. Only within a task of the line. */
  async restore(records: readonly FileRecord[]): Promise<void> {
    const core = this.#core;
    const paths = await core.paths.ofMany(records);
    await commitDrafts(core, records.filter(record => record.provisional).map(deletion));
    await askAgain(
      core,
      records.filter(record => !record.provisional),
    );
    tell(
      core,
      paths.filter(path => path !== undefined),
    );
  }
}

function tell(core: FolderCore, paths: readonly string[]): void {
  if (paths.length === 0) return;
  const named = paths.slice(0, NAMED_PATHS).map(path => `“${path}”`);
  const more = paths.length > named.length ? ` and ${paths.length - named.length} more` : '';
  const sentence = `the folder is read-only here: changes of ${named.join(', ')}${more} are undone`;
  core.emit('LOCAL_CHANGE_UNDONE', sentence, { path: paths[0]!, count: paths.length });
}

interface Undoing {
  readonly draft: Draft;
  readonly path: string;
  /** Where the record has it. */
  readonly home: string | undefined;
  readonly step: Step;
}

async function undoGroup(core: FolderCore, drafts: readonly Draft[], again: LookAgain): Promise<string[]> {
  const now = await core.store.records(drafts.flatMap(({ before }) => (before ? [before.uid] : [])));
  const versions = new Map(now.flatMap(record => (record ? [[record.uid, record.gvsn] as const] : [])));
  const undoings: Undoing[] = [];
  for (const draft of drafts) {
    const { before, effect } = draft;
    const path = draft.path ?? (before && (await core.paths.of(before)));
    if (path === undefined) continue;
    if (before && versions.get(before.uid) !== before.gvsn) {
      // An update has come in between: what the next look finds is judged anew.
      again.directories.add(parentOf(path));
      continue;
    }
    const home = before && (await core.paths.of(before));
    undoings.push({ draft, path, home, step: takeBack(core, draft, { path, home }) });
    if (effect === 'moved' && before?.kind === 'directory') again.everything = true;
  }
  // Moves first: what is preserved may lie where something belongs that has moved.
  undoings.sort((a, b) => Number(b.draft.effect === 'moved') - Number(a.draft.effect === 'moved'));
  const broken = await carryOut(core, undoings);
  const stranded = undoings.filter(({ draft, step }) => broken.has(step) && draft.effect === 'moved');
  const kept = stranded.map(undoing => ({ ...undoing, step: keep(core, undoing.draft, undoing.path) }));
  const lost = await carryOut(core, kept);
  const done = [...undoings.filter(({ step }) => !broken.has(step)), ...kept.filter(({ step }) => !lost.has(step))];
  const replaced = done.filter(({ draft }) => draft.effect === 'edited' || draft.effect === 'deleted');
  const records = replaced.map(({ draft }) => draft.before!);
  const provisional = records.filter(record => record.provisional);
  if (provisional.length > 0) await core.commit({ forget: provisional });
  await askAgain(
    core,
    records.filter(record => !record.provisional),
  );
  const undone = new Set(done.map(({ path }) => path));
  for (const { path } of undoings) if (!undone.has(path)) again.later.add(parentOf(path));
  for (const { path, home } of done) {
    again.directories.add(parentOf(path));
    if (home !== undefined) again.directories.add(parentOf(home));
  }
  return done.map(({ path }) => path);
}

/** Answers the steps that came to nothing. */
async function carryOut(core: FolderCore, undoings: readonly Undoing[]): Promise<ReadonlySet<Step>> {
  if (undoings.length === 0) return new Set();
  const plan = emptyPlan();
  plan.steps.push(...undoings.map(({ step }) => step));
  const { failed } = await runGroup(core, plan, new Map());
  return new Set(failed.map(({ step }) => step));
}

function takeBack(core: FolderCore, draft: Draft, { path, home }: { path: string; home: string | undefined }): Step {
  const { before, effect, look } = draft;
  if (effect === 'deleted') return emptyStep(null);
  if (before === undefined || home === undefined || !look || effect === 'edited') return keep(core, draft, path);
  const operation: Operation =
    effect === 'moved'
      ? { kind: 'move', from: path, to: home, expect: look }
      : { kind: 'attributes', path, expect: look, mode: before.mode, mtimeNs: before.mtimeNs };
  const step = emptyStep(null);
  step.operations.push(operation);
  // What was moved may have got another mode as well: with the old one in the record the next look finds that.
  const { disk, kind } = before;
  const isOtherMode = effect === 'moved' && kind === 'file' && disk !== null && disk.mode !== look.mode;
  if (isOtherMode) step.puts.push({ before, after: { ...before, disk: { ...look, mode: disk.mode } }, lookFrom: null });
  else step.puts.push({ before, after: before, lookFrom: 0 });
  return step;
}

/** Out of the way, and kept. */
function keep(core: FolderCore, { before }: Draft, path: string): Step {
  const step = emptyStep(null);
  const manifest = {
    path,
    uid: before ? formatVersion(before.uid) : '',
    gvsn: before ? formatVersion(before.gvsn) : '',
    conflictType: 7,
    reason: 'the folder is read-only here',
    member: core.member.name,
    partner: '',
    time: core.clock.now(),
  } as const;
  step.operations.push({ kind: 'preserve', path, preserve: { always: true, area: 'conflicts', manifest } });
  return step;
}
