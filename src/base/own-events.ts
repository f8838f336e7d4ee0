/** Events that DFS Replication has no number for: their numbers start at 20000. */

export type Severity = 'information' | 'warning' | 'error';

export interface EventEntry {
  readonly number: number;
  readonly severity: Severity;
  /** What happened, and what an administrator does about it if anything. */
  readonly meaning: string;
}

export const OWN_EVENTS = {
  FOLDER_HALTED: {
    number: 20000,
    severity: 'error',
    meaning:
      'The folder is halted for the reason given and replicates nothing until the cause is gone or “tandem folder release” decides. Told beside the event of the cause, and at each start until then.',
  },
  FOLDER_RELEASED: {
    number: 20001,
    severity: 'information',
    meaning: 'A halted folder goes on, by order or because the cause is gone.',
  },
  BRAKE_DELETIONS: {
    number: 20002,
    severity: 'error',
    meaning:
      'An unusual share of the folder was deleted here. Nothing was told to the partners: accept or refuse with “tandem folder release”.',
  },
  BRAKE_CHANGES: {
    number: 20003,
    severity: 'error',
    meaning:
      'An unusual share of the folder changed here. Nothing was told to the partners: accept or refuse with “tandem folder release”.',
  },
  BRAKE_EMPTIED: {
    number: 20004,
    severity: 'error',
    meaning:
      'The root of the folder is suddenly empty. Nothing was told to the partners: accept or refuse with “tandem folder release”.',
  },
  PEER_REFUSED: {
    number: 20010,
    severity: 'warning',
    meaning:
      'Somebody without the key pinned in group.yaml called, or answered in a partner’s place. The text names what was wrong.',
  },
  PEER_VIOLATION: {
    number: 20011,
    severity: 'error',
    meaning: 'A partner sent something the protocol or the limits forbid. The link was closed.',
  },
  UPDATE_REJECTED: {
    number: 20012,
    severity: 'warning',
    meaning: 'One update of a partner cannot be processed here. The others go on; it is offered again later.',
  },
  CONTENT_CORRUPT: {
    number: 20013,
    severity: 'warning',
    meaning: 'Received content did not match its SHA-256 and was thrown away. It is fetched again.',
  },
  CLOCK_SKEW: {
    number: 20014,
    severity: 'warning',
    meaning:
      'A partner’s clock is far from this one. Versions stay safe, but times in records mislead: check time synchronisation.',
  },
  CONFIG_DIFFERS: {
    number: 20015,
    severity: 'warning',
    meaning: 'A partner runs with another group.yaml. Bring the file to the same state on both members.',
  },
  FORCE_ORDERED: {
    number: 20016,
    severity: 'information',
    meaning:
      'An administrator ordered a connection or one of its folders to synchronise or to stop, whatever the schedule says.',
  },
  FORCE_ENDED: {
    number: 20017,
    severity: 'information',
    meaning: 'Such an order ended: its time is over, or the member is in sync. The schedule rules again.',
  },
  DOWNLOAD_ORDERED: {
    number: 20018,
    severity: 'information',
    meaning: 'An administrator ordered the content of one file to be had from a partner again.',
  },
  DOWNLOAD_FINISHED: {
    number: 20019,
    severity: 'information',
    meaning: 'The content of that file came from the partner, was verified, and took the place of what was there.',
  },
  HARD_LINK_LOST: {
    number: 20020,
    severity: 'warning',
    meaning:
      'A file with several hard links is replicated as independent files; the link between them does not travel.',
  },
  WATCH_DEGRADED: {
    number: 20021,
    severity: 'warning',
    meaning:
      'Not every directory can be watched. Changes are found by the regular scan; raise fs.inotify.max_user_watches for speed.',
  },
  SUBTREE_UNREADABLE: {
    number: 20022,
    severity: 'warning',
    meaning: 'A directory cannot be read. What is below it counts as unknown, never as deleted.',
  },
  DATABASE_RENEWED: {
    number: 20030,
    severity: 'warning',
    meaning:
      'The database was lost or an old copy was put back. It got a new identity and is rebuilt from the folders.',
  },
  PROPAGATION_MEASURED: {
    number: 20031,
    severity: 'information',
    meaning: 'A propagation test found when a member had its file, or that nothing can be known of that member here.',
  },
  PROPAGATION_LATE: {
    number: 20032,
    severity: 'warning',
    meaning: 'A member did not have the file of a propagation test in time: see “tandem status” and “tandem why”.',
  },
  ITEM_PRESERVED: {
    number: 20040,
    severity: 'information',
    meaning:
      'Content that an update would have destroyed, and that was no version in a conflict, was preserved: see “tandem conflict list”.',
  },
  ITEM_RESTORED: { number: 20041, severity: 'information', meaning: 'A preserved item was put back by order.' },
  ITEM_DELETED: {
    number: 20042,
    severity: 'information',
    meaning: 'A preserved item was deleted by order or to keep within the quota.',
  },
  SYNC_FINISHED: {
    number: 20050,
    severity: 'information',
    meaning: 'A synchronisation that was ordered with “tandem sync” is done: the folder has all that the source has.',
  },
  SYNC_FAILED: {
    number: 20051,
    severity: 'warning',
    meaning:
      'A synchronisation that was ordered with “tandem sync” came to nothing, for the reason given. Replication by the schedule goes on.',
  },
  BUNDLE_MADE: {
    number: 20052,
    severity: 'information',
    meaning: 'A bundle for another member was made by order, to be carried there by other means than the network.',
  },
  BUNDLE_TAKEN: {
    number: 20053,
    severity: 'information',
    meaning: 'A bundle that another member made was taken in by order.',
  },
  RECORDS_AGREE: {
    number: 20063,
    severity: 'information',
    meaning: 'The weekly comparison of all records with a partner in sync found no difference.',
  },
  RECORDS_DISAGREED: {
    number: 20064,
    severity: 'warning',
    meaning:
      'The weekly comparison found records of a partner that were missing or other here though both were in sync. They are asked for again.',
  },
  TOMBSTONES_FORGOTTEN: {
    number: 20062,
    severity: 'information',
    meaning: 'Deletions that were known here for tombstoneLifetime were forgotten.',
  },
  CONFLICT_QUOTA_EXCEEDED: {
    number: 20061,
    severity: 'warning',
    meaning:
      'More is preserved than conflictQuota allows, and it is the only copy of what it holds: nothing of it goes by itself. Look through “tandem conflict list”, or raise the quota.',
  },
  FOLDER_FENCED: {
    number: 20065,
    severity: 'warning',
    meaning:
      'An administrator’s order gave records of the folder another fence: from then on the fence decides who wins, before any clock. See “tandem folder fence”.',
  },
  LOCAL_CHANGE_UNDONE: {
    number: 20060,
    severity: 'warning',
    meaning:
      'Something was changed on a member that has the folder read-only. The partners’ state is put back; changed content is preserved: see “tandem conflict list”.',
  },
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
