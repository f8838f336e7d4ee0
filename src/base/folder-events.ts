/** Events of the member, its folders and connections. */
import type { EventEntry } from './event-entry.ts';

export const FOLDER_EVENTS = {
  SERVICE_STARTED: {
    number: 1004,
    severity: 'information',
    meaning: 'The member started. Only events after the last one of these concern the running daemon.',
  },
  SERVICE_STOPPING: {
    number: 1006,
    severity: 'information',
    meaning: 'The member was told to stop and is finishing what it had begun.',
  },
  SERVICE_STOPPED: { number: 1008, severity: 'information', meaning: 'The member stopped cleanly.' },
  SERVICE_INTERNAL_ERROR: {
    number: 1010,
    severity: 'error',
    meaning: 'A bug in Tandem was noticed. Please report it with the text of the event.',
  },
  LISTENER_ERROR: {
    number: 1208,
    severity: 'error',
    meaning: 'The member cannot listen for its partners on the configured address.',
  },
  DATABASE_ERROR: {
    number: 2104,
    severity: 'error',
    meaning:
      'The member’s database failed; where it cannot be opened at all, the event is in the log only. Replication stops until the daemon is restarted; if it fails again, move the database directory away: it is rebuilt from the folders.',
  },
  RECOVERY_STARTED: {
    number: 2212,
    severity: 'warning',
    meaning:
      'The last run did not end cleanly. Interrupted work on the folder is being looked after before replication goes on.',
  },
  RECOVERY_FINISHED: { number: 2214, severity: 'information', meaning: 'Recovery after an unclean end is complete.' },
  FOLDER_ADDED: {
    number: 4002,
    severity: 'information',
    meaning: 'The folder is replicated by this member from now on.',
  },
  FOLDER_STOPPED: {
    number: 4004,
    severity: 'error',
    meaning:
      'The folder cannot be replicated for the reason given, such as an error of its disk; it is tried again by itself. Told once until it goes on.',
  },
  FOLDER_STALE: {
    number: 4012,
    severity: 'error',
    meaning:
      'The folder was without contact for longer than the tombstone lifetime and is held, because deletions may have been forgotten meanwhile. Release it to let it synchronise as a new member.',
  },
  INITIAL_SYNC_STARTED: {
    number: 4102,
    severity: 'information',
    meaning: 'The folder waits for its first synchronisation. It does not serve as a source before that is done.',
  },
  INITIAL_SYNC_FINISHED: {
    number: 4104,
    severity: 'information',
    meaning:
      'The first synchronisation of the folder is complete. What was there before and unlike the primary’s is in the pre-existing area.',
  },
  INITIAL_PRIMARY: {
    number: 4112,
    severity: 'information',
    meaning: 'This member is the primary of the folder: its content is what the others receive.',
  },
  FOLDER_REMOVED: {
    number: 4114,
    severity: 'information',
    meaning: 'The folder was taken out of the configuration of this member. Its files stay where they are.',
  },
  STAGING_CLEANED: {
    number: 4202,
    severity: 'information',
    meaning: 'Content of transfers that broke off was dropped to keep within stagingQuota.',
  },
  STAGING_FULL: {
    number: 4208,
    severity: 'warning',
    meaning: 'The staging quota is used up. Transfers wait for installs; raise stagingQuota if this happens often.',
  },
  STAGING_INACCESSIBLE: {
    number: 4212,
    severity: 'error',
    meaning:
      'The staging directory under .tandem/ cannot be used: nothing is received. Check its owner and mode; it is made again where it is gone. Told once until it can be used.',
  },
  FILE_BUSY: {
    number: 4302,
    severity: 'warning',
    meaning:
      'A file keeps changing: it was held back until its quietLimit had passed and is sent as it is then. Told of the same file once an hour.',
  },
  FILE_UNSUPPORTED: {
    number: 4406,
    severity: 'warning',
    meaning:
      'A device, socket, fifo, mount or name that is not UTF-8 lies in the folder. It is not replicated and not touched.',
  },
  CONFLICT: {
    number: 4412,
    severity: 'information',
    meaning: 'The same file changed on several members. The losing version is preserved: see “tandem conflict list”.',
  },
  DISK_FULL: {
    number: 4502,
    severity: 'error',
    meaning: 'The file system of the folder is full. The folder pauses and goes on by itself when there is space.',
  },
  CONNECTION_ERROR: {
    number: 5002,
    severity: 'warning',
    meaning: 'The connection to the partner broke or was refused. It is retried.',
  },
  CONNECTION_ESTABLISHED: {
    number: 5004,
    severity: 'information',
    meaning: 'The connection to the partner is established.',
  },
  CONNECTION_UNREACHABLE: {
    number: 5008,
    severity: 'warning',
    meaning: 'The partner’s host cannot be reached or no daemon runs there. It is retried.',
  },
  CONNECTION_UNRECOGNIZED: {
    number: 5012,
    severity: 'error',
    meaning:
      'The partner does not know this connection, member or group. Bring group.yaml to the same state on both members.',
  },
  CONNECTION_STOPPED: {
    number: 5014,
    severity: 'warning',
    meaning:
      'Communication with the partner ends because one of the two stops, or the connection was disabled or taken out of group.yaml.',
  },
  CONNECTION_INCOMPATIBLE: {
    number: 5102,
    severity: 'error',
    meaning: 'The partner speaks another major version of the protocol. Update the older member.',
  },
  CONFIG_INVALID: {
    number: 6002,
    severity: 'error',
    meaning: 'A configuration file was refused; the one in force stays. See “tandem config check”.',
  },
  CONFIG_LOADED: {
    number: 6018,
    severity: 'information',
    meaning: 'The configuration was read again and is in force.',
  },
  ROOT_INVALID: {
    number: 6404,
    severity: 'error',
    meaning:
      'The root of the folder is missing, not a directory or not writable. The folder is halted until it is back.',
  },
  ROOT_STALE: {
    number: 6406,
    severity: 'error',
    meaning:
      'The root of the folder moved: its marker is missing, foreign, or on another file system than before. The folder is halted.',
  },
  NO_CONNECTIONS: {
    number: 6804,
    severity: 'warning',
    meaning: 'No enabled connection joins this member with another one.',
  },

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
} as const satisfies Record<string, EventEntry>;
