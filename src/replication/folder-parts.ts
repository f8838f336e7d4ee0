/** What a folder's loops are given: their settings and the parts they talk to. */
import type { Clock } from '../base/clock.ts';
import type { Emit } from '../base/events.ts';
import type { Log } from '../base/log.ts';
import type { FolderConfig } from '../config/config.ts';
import type { Disk } from '../disk/disk.ts';
import type { Store } from '../store/store.ts';

export interface FolderParts {
  readonly config: FolderConfig;
  /** Name and GUID of this member. */
  readonly member: { readonly name: string; readonly guid: string };
  /** Absolute directory of the folder on this member. */
  readonly root: string;
  /** Some connection brings what others have. */
  readonly fed: boolean;
  readonly tombstoneLifetimeMs: number;
  readonly store: Store;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: Emit;
  /** Holders of content in the member's other folders. */
  readonly siblings: () => readonly ContentHolder[];
}

/** Where content that is already on this host can be copied from. */
export interface ContentHolder {
  readonly root: string;
  findByHash(hashes: readonly string[]): Promise<(LocalFile | undefined)[]>;
  findChunks(hashes: BigUint64Array): Promise<(LocalChunk | undefined)[]>;
}

export interface LocalFile {
  readonly holder: ContentHolder;
  readonly path: string;
  readonly uid: string;
  read(): Promise<Uint8Array | undefined>;
}

export interface LocalChunk {
  readonly root: string;
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}
