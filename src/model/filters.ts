/**
 * File and directory filters: which names stay out of replication. Wildcards as in DFS Replication: `*` any run of
 * characters, `?` just one; on names, never on paths; case-sensitive. [dfsr.md §6.3]
 */
import { LIMITS } from '../base/limits.ts';

export interface FilterPatterns {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

export interface NameFilter {
  excludesFile(name: string): boolean;
  /** Of an excluded directory nothing below is looked at. */
  excludesDirectory(name: string): boolean;
}

/** Symlinks are filtered as files are. */
export function compileFilter(patterns: FilterPatterns): NameFilter {
  return { excludesFile: compilePatterns(patterns.files), excludesDirectory: compilePatterns(patterns.directories) };
}

/** What is wrong with a pattern in a configuration; null: nothing. */
export function checkPattern(pattern: string): string | null {
  if (pattern === '') return 'a filter is empty; leave it out';
  if (pattern.includes('/')) return `the filter “${pattern}” contains “/”; filters are for names, not for paths`;
  if (pattern.includes('\0')) return 'a filter contains a NUL character';
  if (pattern.length > LIMITS.nameBytes) return `a filter is longer than ${LIMITS.nameBytes} characters`;
  return null;
}

function compilePatterns(patterns: readonly string[]): (name: string) => boolean {
  // Nearly all patterns in use are of the first three kinds, which cost next to nothing for each name.
  const names = new Set<string>();
  const prefixes: string[] = [];
  const suffixes: string[] = [];
  const others: string[][] = [];
  for (const pattern of patterns) {
    const stars = pattern.split('*').length - 1;
    if (pattern.includes('?') || stars > 1) others.push([...pattern]);
    else if (stars === 0) names.add(pattern);
    else if (pattern.endsWith('*')) prefixes.push(pattern.slice(0, -1));
    else if (pattern.startsWith('*')) suffixes.push(pattern.slice(1));
    else others.push([...pattern]);
  }
  return name => {
    if (names.has(name)) return true;
    for (const prefix of prefixes) if (name.startsWith(prefix)) return true;
    for (const suffix of suffixes) if (name.endsWith(suffix)) return true;
    if (others.length === 0) return false;
    const characters = [...name];
    for (const other of others) if (matches(other, characters)) return true;
    return false;
  };
}

/**
 * Only the last `*` ever has to be tried again, so the work is bounded by the lengths of pattern and name multiplied:
 * no pattern can make it explode.
 */
function matches(pattern: readonly string[], name: readonly string[]): boolean {
  let p = 0;
  let n = 0;
  let lastStar = -1;
  let retryAt = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      lastStar = p++;
      retryAt = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p++;
      n++;
    } else if (lastStar >= 0) {
      p = lastStar + 1;
      n = ++retryAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
