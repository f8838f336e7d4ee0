/** Comparing how files look with how they looked. */
import type { Stat } from '../model/update.ts';
import type { Look } from './file-system.ts';

export function toStat(look: Look): Stat {
  return {
    kind: look.kind === 'file' || look.kind === 'directory' || look.kind === 'symlink' ? look.kind : 'other',
    ino: look.ino,
    size: look.size,
    mtimeNs: look.mtimeNs,
    ctimeNs: look.ctimeNs,
    birthtimeNs: look.birthtimeNs,
    mode: look.mode,
    nlink: look.nlink,
  };
}

export type Compared = Pick<Look, 'ino' | 'size' | 'mtimeNs' | 'ctimeNs' | 'mode'> & { readonly kind: string };

/** Nothing at all has happened to it: the operating system moves ctime at every change, and nobody can set it. */
export function sameLook(a: Compared, b: Compared): boolean {
  return (
    a.ino === b.ino &&
    a.ctimeNs === b.ctimeNs &&
    a.mtimeNs === b.mtimeNs &&
    a.size === b.size &&
    a.mode === b.mode &&
    a.kind === b.kind
  );
}

/** The same file with the same content; names, links and permissions may have come and gone (all of them move ctime). */
export function sameContent(a: Compared, b: Compared): boolean {
  return a.ino === b.ino && a.mtimeNs === b.mtimeNs && a.size === b.size && a.kind === b.kind;
}

/**
 * What an operation expects to find: a directory is known by its inode alone, for its times move with its children; and
 * that a file got or lost another name, which moves ctime, is no edit of it.
 */
export function asExpected(expect: Stat, now: Look): boolean {
  if (expect.kind === 'directory') return now.kind === 'directory' && now.ino === expect.ino;
  const isLinked = now.nlink > 1 || expect.nlink > 1;
  return sameLook(expect, now) || (isLinked && now.mode === expect.mode && sameContent(expect, now));
}

/** mtime as the disk can be told it. */
export function cutToMicroseconds(ns: bigint): bigint {
  const rest = ((ns % 1000n) + 1000n) % 1000n;
  return ns - rest;
}
