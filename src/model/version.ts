/**
 * Identities of versions: GVSN (database GUID + version number) and UID (the GVSN under which a file was born).
 * Kept as one fixed-width string, so that string order is the order of the protocol (GUID bytes, then number) and the
 * string can stand in a database key as it is. [dfsr.md §5.2]
 */
import { TandemError } from '../base/errors.ts';

/** `<32 hex digits of the database GUID>.<14 hex digits of the version number>` */
export type Gvsn = string;
/** Has the form of a `Gvsn`; survives renames and moves. */
export type Uid = string;
/** A GUID as 32 lower-case hex digits, without dashes. */
export type DatabaseId = string;

/** File UIDs start here; the numbers below are reserved. */
export const FIRST_VSN = 9;
const ROOT_VSN = 1;

export function makeVersion(database: DatabaseId, vsn: number): Gvsn {
  return `${database}.${vsn.toString(16).padStart(14, '0')}`;
}

export function databaseOf(version: Gvsn): DatabaseId {
  return version.slice(0, 32);
}

export function vsnOf(version: Gvsn): number {
  return Number.parseInt(version.slice(33), 16);
}

/** The UID of a replicated folder's root: ({folder GUID}, 1). */
export function rootUid(folderGuid: string): Uid {
  return makeVersion(databaseIdFromGuid(folderGuid), ROOT_VSN);
}

/** `3f1b…` with dashes → 32 hex digits. */
export function databaseIdFromGuid(guid: string): DatabaseId {
  return guid.replaceAll('-', '').toLowerCase();
}

export function guidFromDatabaseId(id: DatabaseId): string {
  return `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`;
}

/** For people and records: `{DatabaseGUID}-v<N>`, as DFS Replication prints it. */
export function formatVersion(version: Gvsn): string {
  return `{${guidFromDatabaseId(databaseOf(version)).toUpperCase()}}-v${vsnOf(version)}`;
}

/** Reads what `formatVersion` writes; case and braces do not matter. */
export function parseVersion(text: string): Gvsn {
  const match = /^\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?-v(\d{1,16})$/i.exec(text);
  const vsn = match ? Number(match[2]) : Number.NaN;
  if (!match || !Number.isSafeInteger(vsn)) {
    throw new TandemError('INVALID_ARGUMENT', `“${text}” is not a version; write it as {DatabaseGUID}-v<number>`);
  }
  return makeVersion(databaseIdFromGuid(match[1]!), vsn);
}
