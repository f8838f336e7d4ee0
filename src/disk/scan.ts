/** Compares directories with what is known of them. */

import { errnoOf } from '../base/errno.ts';
import { messageOf } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { NameFilter } from '../model/filters.ts';
import type { Stat } from '../model/update.ts';
import { atOnce, type ContentReader } from './content.ts';
import type { Found, Hashed, ScanAnswer, ScanRequest, Unsupported } from './disk.ts';
import { type Directory, type Look, type Name, nameText } from './file-system.ts';
import { sameLook, toStat } from './look.ts';
import { OWN_DIRECTORY, type Tree } from './tree.ts';

export interface ScanTools {
  readonly tree: Tree;
  readonly filter: NameFilter;
  readonly reader: ContentReader;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

export function scanDirectories(tools: ScanTools, requests: readonly ScanRequest[]): ScanAnswer[] {
  const budget = { hashBytes: LIMITS.scanHashBytesPerStep };
  return requests.map(request => {
    tools.tree.trim();
    try {
      const directory = tools.tree.directory(request.path);
      return directory === null ? { kind: 'missing' } : scanDirectory(tools, directory, request, budget);
    } catch (error) {
      // Gone while it was looked at, or not for us to see: the next scan will tell.
      if (UNREADABLE.has(errnoOf(error))) return { kind: 'unreadable', detail: messageOf(error) };
      throw error;
    }
  });
}

const UNREADABLE = new Set([
  'EACCES',
  'EPERM',
  'EXDEV',
  'ENOENT',
  'ENOTDIR',
  'ESTALE',
  'EIO',
  'ENAMETOOLONG',
  'EINVAL',
]);

function scanDirectory(
  { tree, filter, reader, now }: ScanTools,
  directory: Directory,
  request: ScanRequest,
  budget: { hashBytes: number },
): ScanAnswer {
  const found: Found[] = [];
  const gone: string[] = [];
  const unsupported: Unsupported[] = [];
  let unchanged = 0;
  const missing = new Map<string, Stat>();
  for (const { name, stat } of request.known) missing.set(name, stat);

  for (const name of directory.list()) {
    if (typeof name !== 'string') {
      const kind = directory.lookAt(name)?.kind;
      if (kind !== undefined) unsupported.push({ name: nameText(name), reason: 'non-utf8-name' });
      continue;
    }
    if (name === OWN_DIRECTORY && request.path === '') continue;
    const known = missing.get(name);
    if (known !== undefined && isExcluded(filter, name, known.kind)) continue;
    const look = directory.lookAt(name);
    if (look === null) continue;
    if (known !== undefined && sameLook(known, look) && look.dev === tree.dev) {
      missing.delete(name);
      unchanged++;
      continue;
    }
    if (isExcluded(filter, name, look.kind)) continue;
    const reason = look.dev !== tree.dev ? 'other-file-system' : UNSUPPORTED_KIND[look.kind];
    if (reason !== undefined) {
      unsupported.push({ name, reason });
      // A device or a fifo took the place of what was known, but what lies under a mount point is only hidden.
      if (reason === 'other-file-system' && missing.delete(name)) unchanged++;
      continue;
    }
    const entry = describe(name, look);
    missing.delete(name);
    if (entry === 'gone') gone.push(...(known ? [name] : []));
    else if ('reason' in entry) unsupported.push(entry);
    else found.push(entry);
  }

  for (const [name, stat] of missing) {
    // What is filtered is not looked at: that it is gone cannot be said.
    if (isExcluded(filter, name, stat.kind)) unchanged++;
    else gone.push(name);
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { kind: 'listed', found, gone, unsupported, unchanged };

  function describe(name: string, look: Look): Found | Unsupported | 'gone' {
    const entry: Found = { name, stat: toStat(look), target: '', content: null, hot: false };
    if (look.kind === 'directory') return entry;
    try {
      if (look.kind === 'symlink') return describeSymlink(directory, entry);
      if (isHot(look, request.quietMs, now())) return { ...entry, hot: true };
      if (look.size > request.hashUpToBytes || look.size > budget.hashBytes) {
        directory.openFile(name, 'read').close();
        return entry;
      }
      budget.hashBytes -= look.size;
      return withContent(entry, atOnce(reader.hash(directory, name, look)));
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOENT') return 'gone';
      if (code === 'EACCES' || code === 'EPERM' || code === 'EIO') return { name, reason: 'unreadable' };
      if (REPLACED.has(code)) return { ...entry, hot: true };
      throw error;
    }
  }
}

/** Something else took the name since it was looked at. */
const REPLACED = new Set(['ELOOP', 'EINVAL', 'ENXIO', 'EISDIR', 'ENOTDIR', 'ENODEV']);

function withContent(entry: Found, content: Hashed | 'changed' | 'gone'): Found | 'gone' {
  if (content === 'gone') return 'gone';
  return content === 'changed' ? { ...entry, hot: true } : { ...entry, content };
}

function describeSymlink(directory: Directory, entry: Found): Found | Unsupported {
  const target: Name = directory.readSymlink(entry.name);
  if (typeof target !== 'string') return { name: entry.name, reason: 'non-utf8-name' };
  return { ...entry, target };
}

/** Every change moves ctime to the present; mtime can be set to anything. A time far in the future is a clock put back. */
function isHot(look: Look, quietMs: number, nowMs: number): boolean {
  const age = nowMs - Number(look.ctimeNs / 1_000_000n);
  return Math.abs(age) < quietMs;
}

function isExcluded(filter: NameFilter, name: string, kind: string): boolean {
  return kind === 'directory' ? filter.excludesDirectory(name) : filter.excludesFile(name);
}

const UNSUPPORTED_KIND: Readonly<Partial<Record<Look['kind'], Unsupported['reason']>>> = {
  fifo: 'fifo',
  socket: 'socket',
  device: 'device',
};
