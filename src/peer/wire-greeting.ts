/** Connectivity, greetings, vector movements and record lists on the wire. */
import { LIMITS } from '../base/limits.ts';
import { vsnOf } from '../model/version.ts';
import type {
  ConnectivityRequest,
  FolderGreeting,
  FolderStateName,
  Hello,
  RecordsRequest,
  RecordVersion,
  VectorEvent,
  WatchRequest,
  Welcome,
} from './link.ts';
import {
  assertColumn,
  countFromWire,
  createDatabaseTable,
  databasesFromWire,
  digestFromWire,
  digestToWire,
  guidFromWire,
  integerFromWire,
  listFromWire,
  textFromWire,
  textToWire,
  versionFromWire,
  violation,
} from './wire-parts.ts';
import { vectorFromWire, vectorToWire, type WireVector } from './wire-vector.ts';

interface WireFolderGreeting {
  readonly folder: string;
  readonly state: number;
  readonly database: Buffer;
}

export interface WireWelcome {
  readonly protocol: { readonly major: number; readonly minor: number } | null;
  readonly capabilities: readonly string[];
  readonly software: string;
  readonly member: string;
  readonly configDigest: Buffer;
  readonly now: number;
  readonly folders: readonly WireFolderGreeting[];
}

export interface WireHello extends WireWelcome {
  readonly group: string;
  readonly connection: string;
  readonly forced: boolean;
}

export interface WireVectorEvent {
  readonly folder: string;
  readonly state: number;
  readonly vectorGeneration: number;
  readonly vector: WireVector | null;
}

export interface WireRecords {
  readonly databases: Buffer;
  readonly uidDatabases: readonly number[];
  readonly uidNumbers: readonly number[];
  readonly gvsnDatabases: readonly number[];
  readonly gvsnNumbers: readonly number[];
}

const STATE_NUMBERS: Readonly<Record<FolderStateName, number>> = {
  uninitialized: 1,
  initialized: 2,
  'initial-sync': 3,
  'auto-recovery': 4,
  normal: 5,
  'in-error': 6,
};
const STATES = new Map(Object.entries(STATE_NUMBERS).map(([name, number]) => [number, name as FolderStateName]));

export function connectivityFromWire(wire: ConnectivityRequest): ConnectivityRequest {
  return { group: guidFromWire(wire.group, 'group'), connection: guidFromWire(wire.connection, 'connection') };
}

export function helloToWire(hello: Hello): WireHello {
  return { ...welcomeToWire(hello), group: hello.group, connection: hello.connection, forced: hello.forced };
}

export function helloFromWire(wire: WireHello): Hello {
  return {
    ...welcomeFromWire(wire),
    group: guidFromWire(wire.group, 'group'),
    connection: guidFromWire(wire.connection, 'connection'),
    forced: wire.forced,
  };
}

export function welcomeToWire(welcome: Welcome): WireWelcome {
  return {
    protocol: welcome.protocol,
    capabilities: welcome.capabilities,
    software: textToWire(welcome.software),
    member: welcome.member,
    configDigest: digestToWire(welcome.configDigest),
    now: welcome.now,
    folders: welcome.folders.map(({ folder, state, database }) => ({
      folder,
      state: STATE_NUMBERS[state],
      database: Buffer.from(database, 'hex'),
    })),
  };
}

export function welcomeFromWire(wire: WireWelcome): Welcome {
  if (!wire.protocol) throw violation('protocol', 'is missing');
  return {
    protocol: { major: wire.protocol.major, minor: wire.protocol.minor },
    capabilities: listFromWire(wire.capabilities, 'capabilities', LIMITS.capabilities).map(name =>
      textFromWire(name, 'capabilities'),
    ),
    software: textFromWire(wire.software, 'software'),
    member: guidFromWire(wire.member, 'member'),
    configDigest: digestFromWire(wire.configDigest, 'config_digest'),
    now: integerFromWire(wire.now, 'now'),
    folders: listFromWire(wire.folders, 'folders', LIMITS.foldersPerConnection).map(greetingFromWire),
  };
}

function greetingFromWire(wire: WireFolderGreeting): FolderGreeting {
  const databases = databasesFromWire(wire.database, 'folders.database', 1);
  if (databases[0] === undefined) throw violation('folders.database', 'is missing');
  return {
    folder: guidFromWire(wire.folder, 'folders.folder'),
    state: stateFromWire(wire.state, 'folders.state'),
    database: databases[0],
  };
}

export function watchRequestFromWire(wire: WatchRequest): WatchRequest {
  return {
    connection: guidFromWire(wire.connection, 'connection'),
    folders: listFromWire(wire.folders, 'folders', LIMITS.foldersPerConnection).map(folder =>
      guidFromWire(folder, 'folders'),
    ),
  };
}

export function vectorEventToWire(event: VectorEvent): WireVectorEvent {
  return {
    folder: event.folder,
    state: STATE_NUMBERS[event.state],
    vectorGeneration: event.vectorGeneration,
    vector: vectorToWire(event.vector),
  };
}

export function vectorEventFromWire(wire: WireVectorEvent): VectorEvent {
  return {
    folder: guidFromWire(wire.folder, 'folder'),
    state: stateFromWire(wire.state, 'state'),
    vectorGeneration: countFromWire(wire.vectorGeneration, 'vector_generation'),
    vector: vectorFromWire(wire.vector, 'vector'),
  };
}

export function recordsRequestFromWire(wire: RecordsRequest): RecordsRequest {
  return { connection: guidFromWire(wire.connection, 'connection'), folder: guidFromWire(wire.folder, 'folder') };
}

/** Cuts a list into parts of at most `LIMITS.recordsPerBatch`. */
export function splitRecords(records: readonly RecordVersion[]): RecordVersion[][] {
  const parts: RecordVersion[][] = [];
  for (let at = 0; at < records.length; at += LIMITS.recordsPerBatch) {
    parts.push(records.slice(at, at + LIMITS.recordsPerBatch));
  }
  return parts;
}

export function recordsToWire(records: readonly RecordVersion[]): WireRecords {
  const table = createDatabaseTable();
  const uidDatabases = records.map(({ uid }) => table.indexOf(uid));
  const gvsnDatabases = records.map(({ gvsn }) => table.indexOf(gvsn));
  return {
    databases: table.toWire(),
    uidDatabases,
    uidNumbers: records.map(({ uid }) => vsnOf(uid)),
    gvsnDatabases,
    gvsnNumbers: records.map(({ gvsn }) => vsnOf(gvsn)),
  };
}

export function recordsFromWire(wire: WireRecords): RecordVersion[] {
  const { uidDatabases, uidNumbers, gvsnDatabases, gvsnNumbers } = wire;
  const count = listFromWire(uidDatabases, 'uid_databases', LIMITS.recordsPerBatch).length;
  assertColumn(uidNumbers.length, 'uid_numbers', count);
  assertColumn(gvsnDatabases.length, 'gvsn_databases', count);
  assertColumn(gvsnNumbers.length, 'gvsn_numbers', count);
  const databases = databasesFromWire(wire.databases, 'databases', 2 * LIMITS.recordsPerBatch);
  const records: RecordVersion[] = [];
  for (let i = 0; i < count; i++) {
    records.push({
      uid: versionFromWire(databases, uidDatabases[i]!, uidNumbers[i]!, 'uid_numbers'),
      gvsn: versionFromWire(databases, gvsnDatabases[i]!, gvsnNumbers[i]!, 'gvsn_numbers'),
    });
  }
  return records;
}

function stateFromWire(value: number, field: string): FolderStateName {
  const state = STATES.get(value);
  if (state === undefined) throw violation(field, `is ${value}, which is unknown`);
  return state;
}
