/** The brakes: a scan whose finding looks like an accident is held, with its numbers, until an order releases it. */

/** As the configuration has it. */
export interface BrakeLimits {
  /** Share of the folder's files, 0 to 1, whose deletion in one scan is held; 1 or more: never held. */
  readonly deletedShare: number;
  /** The same for changed content. */
  readonly changedShare: number;
  /** Below this many files concerned nothing is held. */
  readonly minimumFiles: number;
}

export interface ScanFinding {
  /** Present files the folder had before the scan. */
  readonly folderFiles: number;
  /** Of these, gone; those found again under another name do not count. */
  readonly deleted: number;
  /** Of these, with other content. */
  readonly changed: number;
  /** The root holds nothing but Tandem's own directory. */
  readonly rootEmpty: boolean;
}

export interface Brake {
  readonly reason: 'root-emptied' | 'mass-deletion' | 'mass-change';
  /** For people, with the numbers. */
  readonly sentence: string;
}

/**
 * A root that lost everything at once is rather an unmounted disk than a decision, however few files it had from here
 * on.
 */
const EMPTIED_FILES = 2;

/** Whether a scan may be acted upon (null), or what holds it. The gravest reason is given. */
export function judgeScan(finding: ScanFinding, limits: BrakeLimits): Brake | null {
  const { folderFiles, deleted, changed, rootEmpty } = finding;
  if (rootEmpty && folderFiles >= EMPTIED_FILES) {
    return {
      reason: 'root-emptied',
      sentence: `The root is empty although the folder had ${folderFiles} files; is a file system not mounted?`,
    };
  }
  if (isHeld(deleted, folderFiles, limits.deletedShare, limits.minimumFiles)) {
    return {
      reason: 'mass-deletion',
      sentence: `${share(deleted, folderFiles)} were deleted; from ${percent(limits.deletedShare)} on this is held.`,
    };
  }
  if (isHeld(changed, folderFiles, limits.changedShare, limits.minimumFiles)) {
    return {
      reason: 'mass-change',
      sentence: `${share(changed, folderFiles)} were changed; from ${percent(limits.changedShare)} on this is held.`,
    };
  }
  return null;
}

function isHeld(concerned: number, folderFiles: number, limitShare: number, minimumFiles: number): boolean {
  if (limitShare >= 1 || concerned === 0 || concerned < minimumFiles) return false;
  return concerned >= limitShare * folderFiles;
}

function share(concerned: number, folderFiles: number): string {
  return `${concerned} of ${folderFiles} files (${percent(folderFiles === 0 ? 1 : concerned / folderFiles)})`;
}

function percent(value: number): string {
  return `${Math.round(value * 1000) / 10} %`;
}

export interface Ripeness {
  /** How long a name must have been gone: it may be moving, or half-way through an editor’s save. Milliseconds. */
  readonly holdMs: number;
  /** How long many names that go one after the other are waited for. Milliseconds. */
  readonly patienceMs: number;
  readonly limits: BrakeLimits;
}

/** Whether deletions of so many files may be held at all; of fewer each may be taken at once. */
export function isBraked(deleted: number, limits: BrakeLimits): boolean {
  return limits.deletedShare < 1 && deleted >= Math.max(2, limits.minimumFiles);
}

export interface Vanished {
  /** Milliseconds; 0: it need not be waited for. */
  readonly since: number;
  /** With it; of a directory not necessarily all, but as many as make a difference to the brakes. */
  readonly files: number;
}

/**
 * Which vanished names may be taken for deleted now, and when to ask again. Many that go one after the other are judged
 * together, so that the first of them are not published before it shows what it comes to.
 */
export function ripeDeletions<Key>(
  gone: ReadonlyMap<Key, Vanished>,
  now: number,
  { holdMs, patienceMs, limits }: Ripeness,
): { readonly ripe: readonly Key[]; readonly nextAt: number } {
  const ripe: Key[] = [];
  let oldest = Number.POSITIVE_INFINITY;
  let nextAt = Number.POSITIVE_INFINITY;
  let files = 0;
  for (const [key, { since, files: more }] of gone) {
    files += more;
    oldest = Math.min(oldest, since);
    if (since === 0 || now >= since + holdMs) ripe.push(key);
    else nextAt = Math.min(nextAt, since + holdMs);
  }
  const goesOn = ripe.length > 0 && ripe.length < gone.size && isBraked(files, limits);
  const patienceEnds = oldest + holdMs + patienceMs;
  if (goesOn && now < patienceEnds) {
    return { ripe: [], nextAt: Math.min(nextAt, patienceEnds) };
  }
  return { ripe, nextAt: ripe.length > 0 ? now : nextAt };
}
