/** The exports of this host and their clients: what the daemon offers, and what it may change while clients are connected. */
import { TandemError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { TaskLine } from '../../base/task-line.ts';
import type { BlockDevice } from '../device.ts';
import { allocationContext, type MetaContext } from './meta-contexts.ts';
import type { OfferedExport } from './negotiation.ts';

export interface ExportSpec {
  readonly name: string;
  /** Stays the caller's: it is not closed here. Its size is told to a client once, when it connects. */
  readonly device: BlockDevice;
  readonly readOnly: boolean;
  /** For people. */
  readonly description?: string;
  /** To be had over TLS only. */
  readonly tlsOnly?: boolean;
  /** What can be asked beside base:allocation; looked at whenever a client asks. */
  readonly contexts?: () => readonly MetaContext[];
}

/** Without its name: that is how clients know it. */
export type ExportChanges = Partial<Omit<ExportSpec, 'name'>>;

export interface ExportRecord {
  readonly name: string;
  readonly description: string;
  /** Bytes. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Its clients are being sent away; it takes no new ones at present. */
  readonly closing: boolean;
  readonly clients: readonly ClientRecord[];
  /** What its clients have read and written since it is there, also those that have left. Bytes. */
  readonly movedBytes: number;
}

export interface ClientRecord {
  /** Where it comes from, for people. */
  readonly address: string;
  readonly secured: boolean;
  /** It may write. */
  readonly writer: boolean;
  readonly requests: number;
  /** Requests that the device works on now. */
  readonly onTheWay: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** A client in its transmission, as its export sees it. */
export interface ExportClient {
  record(): ClientRecord;
  /** From now on requests are answered ESHUTDOWN; resolves when the connection is closed and the device rests. */
  sendAway(): Promise<void>;
}

export interface Exports {
  /** INVALID_ARGUMENT for a name that cannot be one, REFUSED if it is taken or there are too many. */
  add(spec: ExportSpec): void;
  /**
   * Sends all clients away, changes the export, and takes clients again. When it resolves nothing of the old clients is on
   * its way to the device any more. There is no way to tell a client that its role or size changed: it connects again.
   * NOT_FOUND.
   */
  change(name: string, changes: ExportChanges): Promise<void>;
  /** Sends all clients away; otherwise as `change`. NOT_FOUND. */
  remove(name: string): Promise<void>;
  list(): readonly ExportRecord[];
  /** Undefined if there is no such export. */
  record(name: string): ExportRecord | undefined;
  /** As the handshake tells of them. */
  offered(): readonly OfferedExport[];
  /** The export for a client that is about to begin its transmission, null if there is none or it closes. */
  enter(name: string): ExportEntry | null;
}

export interface ExportEntry {
  readonly spec: ExportSpec;
  readonly contexts: readonly MetaContext[];
  /** Counts the client among the export's; the returned function ends that. */
  admit(client: ExportClient): () => void;
}

interface Place {
  spec: ExportSpec;
  closing: boolean;
  readonly clients: Set<ExportClient>;
  /** By clients that have left. */
  movedBefore: number;
  /** Changes, one after the other. */
  readonly changes: TaskLine;
}

export function createExports(): Exports {
  const placeByName = new Map<string, Place>();

  /** Nobody is let in from before the first is sent away until `then` has run. */
  async function whileEmpty(name: string, then: (place: Place) => void): Promise<void> {
    const place = placeByName.get(name);
    let done = false;
    await place?.changes.run(async () => {
      // Another change before this one may have removed it.
      if (placeByName.get(name) !== place) return;
      place.closing = true;
      await Promise.all([...place.clients].map(client => client.sendAway()));
      then(place);
      place.closing = false;
      done = true;
    });
    if (!done) throw new TandemError('NOT_FOUND', `there is no export “${name}”`, { export: name });
  }

  return {
    add: spec => {
      const problem = problemOf(spec.name) ?? (placeByName.size >= LIMITS.nbdExports ? 'too many exports' : null);
      if (problem !== null) throw new TandemError('INVALID_ARGUMENT', `“${spec.name}” cannot be exported: ${problem}`);
      if (placeByName.has(spec.name)) {
        throw new TandemError('REFUSED', `there is an export “${spec.name}” already; remove it first`);
      }
      placeByName.set(spec.name, { spec, closing: false, clients: new Set(), movedBefore: 0, changes: new TaskLine() });
    },
    change: (name, changes) =>
      whileEmpty(name, place => {
        place.spec = { ...place.spec, ...changes };
      }),
    remove: name => whileEmpty(name, () => placeByName.delete(name)),
    list: () => [...placeByName.values()].map(recordOf),
    record: name => {
      const place = placeByName.get(name);
      return place && recordOf(place);
    },
    offered: () => [...placeByName.values()].map(offer),
    enter: name => {
      const place = placeByName.get(name);
      if (place === undefined || place.closing) return null;
      return {
        spec: place.spec,
        contexts: contextsOf(place.spec),
        admit: client => {
          place.clients.add(client);
          return () => {
            if (place.clients.delete(client)) place.movedBefore += movedBy(client.record());
          };
        },
      };
    },
  };
}

function contextsOf({ device, contexts }: ExportSpec): MetaContext[] {
  return [allocationContext(device), ...(contexts?.() ?? [])];
}

function offer({ spec, closing }: Place): OfferedExport {
  return {
    name: spec.name,
    description: spec.description ?? '',
    size: spec.device.size,
    blockSize: spec.device.blockSize,
    readOnly: spec.readOnly,
    tlsOnly: spec.tlsOnly ?? false,
    closing,
    contextNames: contextsOf(spec).map(context => context.name),
  };
}

function recordOf({ spec, closing, clients, movedBefore }: Place): ExportRecord {
  const records = [...clients].map(client => client.record());
  return {
    name: spec.name,
    description: spec.description ?? '',
    size: spec.device.size,
    readOnly: spec.readOnly,
    closing,
    clients: records,
    movedBytes: records.reduce((sum, client) => sum + movedBy(client), movedBefore),
  };
}

function movedBy({ readBytes, writtenBytes }: ClientRecord): number {
  return readBytes + writtenBytes;
}

function problemOf(name: string): string | null {
  if (name === '') return 'it has no name';
  if (Buffer.byteLength(name) > LIMITS.nbdNameBytes) return `its name has more than ${LIMITS.nbdNameBytes} bytes`;
  return /[\p{Cc}\p{Cs}]/u.test(name) ? 'its name has characters that are none' : null;
}
