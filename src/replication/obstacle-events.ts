/** What a folder meets that passes by itself, as events and in words. */
import type { TandemError } from '../base/errors.ts';
import type { EventName } from '../base/events.ts';
import type { ObstacleKind } from '../model/obstacles.ts';

/** What an error that the work is tried again after means for the folder. */
export function obstacleOf({ code }: TandemError): ObstacleKind {
  return code === 'DISK_FULL' ? 'disk-full' : code === 'STAGING_INACCESSIBLE' ? 'staging-inaccessible' : 'stopped';
}

export const OBSTACLE_EVENTS = {
  'disk-full': 'DISK_FULL',
  'staging-inaccessible': 'STAGING_INACCESSIBLE',
  stopped: 'FOLDER_STOPPED',
} as const satisfies Record<ObstacleKind, EventName>;

export const OBSTACLE_SENTENCES: Readonly<Record<ObstacleKind, (root: string, detail: string) => string>> = {
  'disk-full': (root, detail) =>
    `The file system of ${root} is full (${detail}). Make room; replication goes on by itself.`,
  'staging-inaccessible': (root, detail) =>
    `${root}/.tandem/staging cannot be used (${detail}). Check its owner and mode; replication goes on by itself.`,
  stopped: (root, detail) => `${root} cannot be replicated for now: ${detail}. It is tried again by itself.`,
};
