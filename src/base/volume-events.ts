/** Events of block volumes. */
import type { EventEntry } from './event-entry.ts';

export const VOLUME_EVENTS = {
  VOLUME_CREATED: {
    number: 20080,
    severity: 'information',
    meaning: 'A volume was created and is served to NBD clients.',
  },
  VOLUME_RESIZED: {
    number: 20081,
    severity: 'information',
    meaning: 'A volume has another size. Clients that were connected know the former one until they connect again.',
  },
  VOLUME_DELETED: { number: 20082, severity: 'information', meaning: 'A volume was deleted with its snapshots.' },
  VOLUME_UNUSABLE: {
    number: 20083,
    severity: 'error',
    meaning:
      'A volume cannot be opened for the reason given: nobody is served from it. It is tried again by itself; see “tandem volume list”.',
  },
} as const satisfies Record<string, EventEntry>;
