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
  REPLICA_CREATED: {
    number: 20084,
    severity: 'information',
    meaning: 'A pair of storage elements is kept from now on.',
  },
  REPLICA_CHANGED: { number: 20085, severity: 'information', meaning: 'The CopyState of a pair changed.' },
  REPLICA_BROKEN: {
    number: 20086,
    severity: 'warning',
    meaning: 'A pair is not kept in step for the reason given; see “tandem replica show”.',
  },
  REPLICA_INVALID: {
    number: 20087,
    severity: 'error',
    meaning:
      'The two sides of a pair cannot be ordered: both went on alone, or one is not what it was. Nothing is overwritten until somebody chooses: “Resync Replica” takes the source, “Restore from Replica” the target, both with Force.',
  },
  REPLICA_REMOVED: { number: 20088, severity: 'information', meaning: 'A pair is kept no more.' },
  REPLICA_BEHIND: {
    number: 20089,
    severity: 'warning',
    meaning: 'The target of a mirror is further behind than its DesiredRPO allows.',
  },
  REPLICA_DIFFERS: {
    number: 20090,
    severity: 'warning',
    meaning:
      'A verification found bytes of a mirror’s target that were not those of the source; “tandem replica show” says where. A disk, or whoever wrote below Tandem, changed them.',
  },
  REPLICA_VERIFIED: {
    number: 20091,
    severity: 'information',
    meaning: 'A verification compared all bytes of a mirror, and nothing differs.',
  },
} as const satisfies Record<string, EventEntry>;
