/** Bundles as the admin API has them: made and taken in by order, with reports on the way. */
import { isAbsolute } from 'node:path';
import type { BundleExportOrder, BundleImportOrder, FolderQuery } from '../admin/backend.ts';
import type { BundleReportRecord } from '../admin/records/bundle-report.ts';
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { formatBytes } from '../base/sizes-and-durations.ts';
import { exportBundle } from '../replication/bundle-export.ts';
import { type Imported, importBundle } from '../replication/bundle-import.ts';
import type { Folder } from '../replication/folder.ts';
import type { Member } from '../replication/member.ts';

export interface BundleMethodParts {
  readonly member: () => Member;
  /** NOT_FOUND if there is none of that name or GUID, as below. */
  readonly folderNamed: (query: FolderQuery) => Folder;
  readonly memberNamed: (named: string) => string;
  /** PEM */
  readonly key: string;
  readonly clock: Clock;
}

export interface BundleMethods {
  exportBundle(order: BundleExportOrder, signal: AbortSignal): AsyncIterable<BundleReportRecord>;
  importBundle(order: BundleImportOrder, signal: AbortSignal): AsyncIterable<BundleReportRecord>;
}

type Report = Partial<BundleReportRecord>;

export function createBundleMethods(parts: BundleMethodParts): BundleMethods {
  return {
    async *exportBundle({ folder: named, member: forWhom, path, full }, signal) {
      assertAbsolute(path);
      const member = parts.member();
      const folder = parts.folderNamed({ folder: named });
      const { name } = folder.core.config;
      const { group, name: own } = member.parts;
      const partner = group.members.get(parts.memberNamed(forWhom))!;
      const connection = group.connections.find(({ from, to }) => from === own && to === partner.name);
      if (!connection || !folder.core.config.members.has(partner.name)) {
        throw new TandemError(
          'REFUSED',
          `nothing of folder ${name} goes from ${own} to ${partner.name}: group.yaml has no such connection, or ${partner.name} has not the folder`,
        );
      }
      const about = { BundlePath: path, ReplicatedFolderName: name, MemberName: partner.name };
      const order = { folder, partner, connection, full, asks: 'nothing', path, key: parts.key } as const;
      yield* reported(parts.clock, signal, async (both, tell) => {
        const done = await member.beside(both, ending =>
          exportBundle(member, order, ending, so =>
            tell({
              ...about,
              Updates: so.updates,
              ContentBytes: so.contentBytes,
              BundleBytes: so.bundleBytes,
              LeftOut: so.leftOut,
              Message: `${so.updates} updates, ${formatBytes(so.bundleBytes)}`,
            }),
          ),
        );
        const left =
          done.leftOut === 0 ? '' : `; ${done.leftOut} files changed meanwhile and come with the next bundle`;
        const all = done.everything ? 'all there is' : `all that ${partner.name} is not known to have`;
        return {
          ...about,
          Complete: done.leftOut === 0,
          Updates: done.updates,
          ContentBytes: done.contentBytes,
          BundleBytes: done.bundleBytes,
          LeftOut: done.leftOut,
          Message: `${path} has ${all} of folder ${name}: ${done.updates} updates, ${formatBytes(done.bundleBytes)}${left}`,
        };
      });
    },

    async *importBundle({ path }, signal) {
      assertAbsolute(path);
      const member = parts.member();
      yield* reported(parts.clock, signal, async (both, tell) => {
        const done = await member.beside(both, ending =>
          importBundle(member, { path, full: false, key: parts.key }, ending, Message =>
            tell({ BundlePath: path, Message }),
          ),
        );
        return {
          BundlePath: path,
          ReplicatedFolderName: done.folder.core.config.name,
          MemberName: done.partner.name,
          Complete: done.unfinished === null && done.assumed === 0,
          Updates: done.updates,
          ContentBytes: done.contentBytes,
          BundleBytes: done.bundleBytes,
          AssumedVersions: done.assumed,
          Message: sentenceOf(done),
        };
      });
    },
  };
}

function sentenceOf({ folder, partner, updates, contentBytes, unfinished, assumed }: Imported): string {
  const { name } = folder.core.config;
  const taken =
    updates === 0
      ? `nothing of folder ${name} in the bundle of ${partner.name} was new`
      : `${updates} updates of folder ${name} from ${partner.name} were taken in, ${formatBytes(contentBytes)} of content`;
  const parts = [taken];
  if (unfinished !== null) parts.push(`not all of it is dealt with: ${unfinished}`);
  if (assumed > 0)
    parts.push(`it builds on ${assumed} versions that are not here: have ${partner.name} make one with --full`);
  return parts.join('; ');
}

/** Runs `work`, and gives now and then what it told last, then what it answers. Who stops reading ends it. */
async function* reported(
  clock: Clock,
  signal: AbortSignal,
  work: (signal: AbortSignal, tell: (so: Report) => void) => Promise<Report>,
): AsyncGenerator<BundleReportRecord> {
  const end = new AbortController();
  const over = new AbortController();
  let latest: Report | null = null;
  const working = work(AbortSignal.any([signal, end.signal]), so => {
    latest = so;
  });
  const settled = working.then(
    () => over.abort(),
    () => over.abort(),
  );
  try {
    while (!over.signal.aborted) {
      await clock.sleep(LIMITS.syncReportMs, over.signal).catch(() => {});
      if (latest === null || over.signal.aborted) continue;
      yield { ...NOTHING, ...(latest as Report) };
      latest = null;
    }
    yield { ...NOTHING, ...(await working), Done: true };
  } finally {
    end.abort();
    await settled;
  }
}

const NOTHING: BundleReportRecord = {
  Done: false,
  Complete: false,
  BundlePath: '',
  ReplicatedFolderName: '',
  MemberName: '',
  Updates: 0,
  ContentBytes: 0,
  BundleBytes: 0,
  LeftOut: 0,
  AssumedVersions: 0,
  Message: '',
};

function assertAbsolute(path: string): void {
  if (!isAbsolute(path)) throw new TandemError('INVALID_ARGUMENT', `“${path}” is no absolute path`);
}
