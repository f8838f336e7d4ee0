/** Makes a bundle: from one consistent view of a folder, all that another member is not known to have, with its content. */
import { createHash, hash } from 'node:crypto';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { ConnectionConfig, GroupMember } from '../config/config.ts';
import type { FileRecord } from '../model/update.ts';
import { containsVersion, EMPTY_VECTOR, subtractVectors, type VersionVector } from '../model/version-vector.ts';
import type { BundleAsks } from '../peer/bundle-format.ts';
import { type BundleWriter, createBundleWriter } from '../peer/bundle-writer.ts';
import { PROTOCOL } from '../peer/link.ts';
import type { Folder } from './folder.ts';
import { holdingsOf } from './heard-vectors.ts';
import type { Member } from './member.ts';
import { updateOf } from './outbound.ts';
import { parentOf } from './paths.ts';

export interface ExportOrder {
  readonly folder: Folder;
  /** For whom. */
  readonly partner: GroupMember;
  /** The one that leads there. */
  readonly connection: ConnectionConfig;
  /** Also what the other member is known to have. */
  readonly full: boolean;
  readonly asks: BundleAsks;
  /** Absolute; nothing may be there. */
  readonly path: string;
  /** The member's own key, PEM. */
  readonly key: string;
}

/** How far it is, or what it has come to. */
export interface Exported {
  updates: number;
  /** Files whose content is in it. */
  files: number;
  contentBytes: number;
  /** Files that changed while it was made: their content is not in it, and their next version will be in the next one. */
  leftOut: number;
  bundleBytes: number;
  /** Nothing was known of the other member: everything is in it. */
  everything: boolean;
}

/**
 * FOLDER_NOT_READY while the folder is halted or not opened. In a first synchronisation or on a read-only member the bundle has no
 * updates: it only tells what is held. `tell` hears how far it is.
 */
export async function exportBundle(
  member: Member,
  order: ExportOrder,
  signal: AbortSignal,
  tell: (so: Exported) => void,
): Promise<Exported> {
  const { folder, partner, connection, full, asks, path, key } = order;
  const { core } = folder;
  if (!core.active) {
    const why = core.memory.halt ? `is halted: ${core.memory.halt.sentence}` : `is ${core.publicState}`;
    throw new TandemError('FOLDER_NOT_READY', `folder ${core.config.name} ${why}`);
  }
  const view = core.store.view();
  try {
    const known = full ? EMPTY_VECTOR : (holdingsOf(core, partner.guid, member.inbound)?.holds ?? EMPTY_VECTOR);
    const lacking = subtractVectors(view.vector, known);
    const header = {
      protocol: PROTOCOL,
      software: member.parts.software,
      group: member.parts.group.guid,
      connection: connection.guid,
      from: member.guid,
      to: partner.guid,
      folder: core.config.guid,
      state: core.publicState,
      database: core.members.database,
      configDigest: member.parts.group.digest,
      time: core.clock.now(),
      serves: core.serving,
      holds: view.vector,
      left: subtractVectors(view.vector, lacking),
      asks,
    };
    const writer = await createBundleWriter(path, header, { key, certificate: partner.certificate });
    try {
      const packing = new Packing(folder, { writer, known, tell });
      for (const pass of core.serving ? (['tombstones', 'live'] as const) : []) {
        for await (const records of view.updates(lacking, pass)) {
          if (signal.aborted) throw new TandemError('CANCELLED', 'making the bundle was given up');
          await packing.add(records, signal);
        }
      }
      await writer.finish();
      core.emit('BUNDLE_MADE', `a bundle for ${partner.name} was made: ${path}`, {
        partner: partner.name,
        updates: packing.done.updates,
        bytes: writer.bytes,
      });
      return { ...packing.done, bundleBytes: writer.bytes, everything: known.size === 0 };
    } finally {
      await writer.discard();
    }
  } finally {
    await view.close();
  }
}

class Packing {
  readonly done: Exported = { updates: 0, files: 0, contentBytes: 0, leftOut: 0, bundleBytes: 0, everything: false };
  readonly #folder: Folder;
  readonly #writer: BundleWriter;
  readonly #tell: (so: Exported) => void;
  /** What the other member was known to hold: it has the contents of these versions. */
  readonly #known: VersionVector;
  /** Of contents written lately: the same one is not written again. */
  #recent = new Set<string>();

  constructor(
    folder: Folder,
    {
      writer,
      known,
      tell,
    }: { readonly writer: BundleWriter; readonly known: VersionVector; readonly tell: (so: Exported) => void },
  ) {
    this.#folder = folder;
    this.#writer = writer;
    this.#known = known;
    this.#tell = tell;
  }

  /** Updates, and right after them the contents they speak of. */
  async add(records: readonly FileRecord[], signal: AbortSignal): Promise<void> {
    await this.#writer.updates(records.map(updateOf));
    this.done.updates += records.length;
    const files = records.filter(record => record.present && record.kind === 'file' && record.size > 0);
    let small: FileRecord[] = [];
    let bytes = 0;
    for (const file of files) {
      if (this.#recent.has(file.hash) || this.#isThere(file)) continue;
      if (file.size > LIMITS.wholeFileBytes) {
        await this.#addLarge(file, signal);
        continue;
      }
      if (bytes + file.size > LIMITS.contentMessageBytes) {
        await this.#addSmall(small);
        [small, bytes] = [[], 0];
      }
      small.push(file);
      bytes += file.size;
    }
    await this.#addSmall(small);
  }

  /** It was only moved, or given other attributes, since the other member had it. */
  #isThere({ contentSince }: FileRecord): boolean {
    return contentSince !== undefined && containsVersion(this.#known, contentSince);
  }

  async #addSmall(files: readonly FileRecord[]): Promise<void> {
    const { core } = this.#folder;
    const paths = await core.paths.ofMany(files);
    const readable = files.flatMap((file, i) => {
      const path = paths[i];
      return path === undefined || file.disk === null ? [] : [{ file, path, stat: file.disk }];
    });
    this.done.leftOut += files.length - readable.length;
    const contents = readable.length === 0 ? [] : await core.disk.readWhole(readable);
    for (const [i, { file, path }] of readable.entries()) {
      const data = contents[i]!;
      if (typeof data === 'string' || hash('sha256', data) !== file.hash) {
        this.#leaveOut(path);
        continue;
      }
      await this.#writer.small(file.hash, data);
      this.#count(file);
    }
  }

  async #addLarge(file: FileRecord, signal: AbortSignal): Promise<void> {
    const { core } = this.#folder;
    const path = await core.paths.of(file);
    if (path === undefined || file.disk === null) return this.#leaveOut(path);
    const stat = file.disk;
    const hashed = (await core.store.recipe(file.uid)) ?? (await core.disk.hash(path, stat, signal));
    const recipe = typeof hashed === 'string' ? null : 'recipe' in hashed ? hashed.recipe : hashed;
    if (!recipe) return this.#leaveOut(path);
    await this.#writer.large(file.hash, file.size, recipe);
    const digest = createHash('sha256');
    const read = (offset: number) =>
      core.disk.readRange({ path, stat }, offset, Math.min(LIMITS.contentMessageBytes, file.size - offset));
    let [whole, ahead] = [true, read(0)];
    for (let offset = 0; whole && offset < file.size; offset += LIMITS.contentMessageBytes) {
      const data = await ahead;
      if (typeof data === 'string' || signal.aborted) {
        whole = false;
        break;
      }
      const next = offset + LIMITS.contentMessageBytes;
      if (next < file.size) {
        ahead = read(next);
        // Where writing fails nobody waits for what was read ahead.
        ahead.catch(() => {});
      }
      digest.update(data);
      await this.#writer.piece(data);
      this.done.bundleBytes = this.#writer.bytes;
      this.#tell(this.done);
    }
    whole &&= digest.digest('hex') === file.hash;
    await this.#writer.over(whole);
    if (whole) this.#count(file);
    else this.#leaveOut(path);
  }

  #count(file: FileRecord): void {
    if (this.#recent.size >= LIMITS.bundleRecentContents) this.#recent = new Set();
    this.#recent.add(file.hash);
    this.done.files++;
    this.done.contentBytes += file.size;
    this.done.bundleBytes = this.#writer.bytes;
    this.#tell(this.done);
  }

  /** It is not as its record says: its directory is looked at again. */
  #leaveOut(path: string | undefined): void {
    this.done.leftOut++;
    if (path !== undefined) this.#folder.scanner.hint(parentOf(path));
  }
}
