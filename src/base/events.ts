/**
 * The closed table of events. Numbers are stable and never reused: where DFS Replication has a number for the same
 * happening it is kept, our own stand in own-events.ts. Documented in docs/EVENTS.md, which is generated from this table.
 */

import { type EventEntry, OWN_EVENTS, type Severity } from './own-events.ts';

export const EVENTS = {
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

  ...OWN_EVENTS,
} as const satisfies Record<string, EventEntry>;

export type EventName = keyof typeof EVENTS;

/** Puts an event into the journal and the log. Never rejects, never waits. */
export type Emit = (name: EventName, message: string, fields?: EventContent['fields']) => void;

/** What the journal stores of an event. Field names are camelCase; by custom `folder`, `member`, `partner`, `path`, `connection`. */
export interface EventContent {
  readonly time: number;
  readonly number: number;
  readonly name: EventName;
  readonly severity: Severity;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** An event ready for the journal. `message` is a sentence for people; `time` is in milliseconds since the Unix epoch. */
export function makeEvent(
  name: EventName,
  content: { readonly time: number; readonly message: string; readonly fields?: EventContent['fields'] },
): EventContent {
  const { number, severity } = EVENTS[name];
  return { time: content.time, number, name, severity, message: content.message, fields: content.fields ?? {} };
}
