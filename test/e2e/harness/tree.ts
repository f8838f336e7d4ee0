/** What a folder holds, as data that can be compared: the measure of every end-to-end test. */

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

export interface Entry {
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permission bits; 0 of a symlink. */
  readonly mode: number;
  /** Microseconds since the Unix epoch, of a file; 0n of everything else. */
  readonly mtimeUs: bigint;
  readonly size: number;
  /** SHA-256 of a file's content, '' where it was not read. */
  readonly sha256: string;
  readonly target: string;
}

/** Entries by path relative to the root; bytes of a target that are not UTF-8 are shown as \xNN. */
export type Manifest = ReadonlyMap<string, Entry>;

/** What `.tandem` holds and what is not replicated (devices, sockets, fifos, names that are not UTF-8) is left out. */
export function readTree(root: string, options: { readonly contents: boolean }): Manifest {
  const entries = new Map<string, Entry>();
  walk(Buffer.from(root), '', entries, options.contents);
  return entries;
}

export interface Difference {
  readonly path: string;
  readonly says: string;
}

/** Differences as sentences, at most `limit` of them; empty: the trees are the same. */
export function compareTrees(left: Manifest, right: Manifest, limit = 20): Difference[] {
  const differences: Difference[] = [];
  const note = (path: string, says: string): boolean => differences.push({ path, says }) >= limit;
  for (const [path, entry] of left) {
    const other = right.get(path);
    const says = other === undefined ? `only left: ${describeEntry(entry)}` : compareEntries(entry, other);
    if (says !== '' && note(path, says)) return differences;
  }
  for (const [path, entry] of right) {
    if (!left.has(path) && note(path, `only right: ${describeEntry(entry)}`)) return differences;
  }
  return differences;
}

export function describeDifferences(differences: readonly Difference[]): string {
  return differences.map(({ path, says }) => `  ${JSON.stringify(path)}: ${says}`).join('\n');
}

/** All bytes of all files. */
export function bytesOf(manifest: Manifest): number {
  let bytes = 0;
  for (const entry of manifest.values()) bytes += entry.size;
  return bytes;
}

export function sha256OfFile(path: string | Buffer): string {
  const digest = createHash('sha256');
  const descriptor = openSync(path, 'r');
  try {
    for (;;) {
      const count = readSync(descriptor, readBuffer, 0, readBuffer.length, null);
      if (count === 0) return digest.digest('hex');
      digest.update(readBuffer.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}

const readBuffer = Buffer.allocUnsafe(1 << 20);
const SLASH = Buffer.from('/');

/** A tree may change while it is walked: what vanishes on the way counts as not there. */
function walk(directory: Buffer, prefix: string, entries: Map<string, Entry>, contents: boolean): void {
  for (const name of listNames(directory)) {
    if (!isUtf8(name)) continue;
    const text = name.toString('utf8');
    if (prefix === '' && text === '.tandem') continue;
    const full = Buffer.concat([directory, SLASH, name]);
    const entry = readEntry(full, contents);
    if (entry === null) continue;
    entries.set(prefix + text, entry);
    if (entry.kind === 'directory') walk(full, `${prefix}${text}/`, entries, contents);
  }
}

function listNames(directory: Buffer): Buffer[] {
  return unlessGone(() => readdirSync(directory, { encoding: 'buffer' })) ?? [];
}

function readEntry(path: Buffer, contents: boolean): Entry | null {
  const stat = unlessGone(() => lstatSync(path, { bigint: true }));
  if (stat === null) return null;
  const mode = Number(stat.mode & 0o7777n);
  if (stat.isDirectory()) return { kind: 'directory', mode, mtimeUs: 0n, size: 0, sha256: '', target: '' };
  if (stat.isSymbolicLink()) {
    const target = unlessGone(() => readlinkSync(path, { encoding: 'buffer' }));
    return target && { kind: 'symlink', mode: 0, mtimeUs: 0n, size: 0, sha256: '', target: showBytes(target) };
  }
  if (!stat.isFile()) return null;
  const sha256 = contents ? unlessGone(() => sha256OfFile(path)) : '';
  if (sha256 === null) return null;
  return { kind: 'file', mode, mtimeUs: stat.mtimeNs / 1000n, size: Number(stat.size), sha256, target: '' };
}

function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

function showBytes(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1').replaceAll(/[\x80-\xff]/g, escapeByte);
}

function escapeByte(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16)}`;
}

function compareEntries(left: Entry, right: Entry): string {
  if (left.kind !== right.kind) return `${left.kind} left, ${right.kind} right`;
  const says: string[] = [];
  if (left.mode !== right.mode) says.push(`mode ${left.mode.toString(8)} left, ${right.mode.toString(8)} right`);
  if (left.size !== right.size) says.push(`${left.size} bytes left, ${right.size} right`);
  if (left.mtimeUs !== right.mtimeUs)
    says.push(`modified ${showTime(left.mtimeUs)} left, ${showTime(right.mtimeUs)} right`);
  if (left.sha256 !== right.sha256)
    says.push(`content ${left.sha256.slice(0, 12)} left, ${right.sha256.slice(0, 12)} right`);
  if (left.target !== right.target) says.push(`points to ${left.target} left, ${right.target} right`);
  return says.join('; ');
}

function describeEntry(entry: Entry): string {
  if (entry.kind === 'symlink') return `symlink to ${entry.target}`;
  return entry.kind === 'file' ? `file of ${entry.size} bytes` : 'directory';
}

function showTime(us: bigint): string {
  return `${new Date(Number(us / 1000n)).toISOString().slice(0, -1)}${String(us % 1000n).padStart(3, '0')}`;
}
