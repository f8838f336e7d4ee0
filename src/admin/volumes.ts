/** The part of the admin API that is about block volumes. A volume is named by its name or its UUID. */
import type { VolumeRecord } from './records/volume.ts';

export interface VolumesBackend {
  volumes(): Promise<{ readonly volumes: readonly VolumeRecord[] }>;
  volume(query: VolumeQuery): Promise<VolumeAnswer>;
  /** Durable and served when it answers. INVALID_ARGUMENT, REFUSED, BLOCK_LOCKED, BLOCK_FULL. */
  createVolume(order: VolumeCreation): Promise<VolumeAnswer>;
  /** REFUSED where content would be lost that is not meant to be. */
  resizeVolume(order: VolumeResizing): Promise<VolumeAnswer>;
  /** REFUSED while clients are connected, but for `force`. */
  deleteVolume(order: VolumeQuery & { readonly force: boolean }): Promise<void>;
}

export interface VolumeQuery {
  readonly volume: string;
}

export interface VolumeAnswer {
  readonly volume: VolumeRecord;
}

export const BACKING_CONTENTS = ['kept', 'empty'] as const;

export interface VolumeCreation {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes; 4096 if left out. */
  readonly blockSize?: number | undefined;
  /** Absolute path. */
  readonly backing?: string | undefined;
  /** What becomes of what a backing that is there already holds. */
  readonly contents?: (typeof BACKING_CONTENTS)[number] | undefined;
}

export interface VolumeResizing extends VolumeQuery {
  /** Bytes. */
  readonly size: number;
  /** What lies beyond a nearer end is lost. */
  readonly discard: boolean;
}
