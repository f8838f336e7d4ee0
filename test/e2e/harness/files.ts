/** Small words for tests that write and read a few files. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Member } from './member.ts';
import { sha256OfFile } from './tree.ts';
import { until } from './until.ts';

/** Writes each file below the root, making directories on the way. */
export function put(root: string, contentByPath: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(contentByPath)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

/** The content as text; null where there is no such file. */
export function get(root: string, path: string): string | null {
  const full = join(root, path);
  return existsSync(full) ? readFileSync(full, 'utf8') : null;
}

/** Waits until the file has just this content on the member. */
export async function arrives(
  member: Member,
  path: string,
  content: string | Buffer,
  timeoutMs = 20_000,
): Promise<void> {
  const wanted = Buffer.from(content);
  await until(
    `${path} arrives on ${member.name}`,
    () => existsSync(join(member.root, path)) && readFileSync(join(member.root, path)).equals(wanted),
    { timeoutMs, everyMs: 20, explain: () => member.log() },
  );
}

/** Waits until nothing has this name on the member. */
export async function vanishes(member: Member, path: string, timeoutMs = 20_000): Promise<void> {
  await until(
    `${path} vanishes on ${member.name}`,
    () => lstatSync(join(member.root, path), { throwIfNoEntry: false }) === undefined,
    {
      timeoutMs,
      everyMs: 20,
      explain: () => member.log(),
    },
  );
}

/** SHA-256 of every regular file anywhere below, also in `.tandem`: where a content can still be found. */
export function contentsBelow(directory: string, attempts = 20): Set<string> {
  const found = new Set<string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    // The marker is Tandem's own and is written anew while it runs.
    if (!entry.isFile() || entry.name === 'marker.json') continue;
    try {
      found.add(sha256OfFile(join(entry.parentPath, entry.name)));
    } catch (error) {
      // It went, or moved to where it may not have been seen: everything is looked at once more.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempts <= 1) throw error;
      return contentsBelow(directory, attempts - 1);
    }
  }
  return found;
}

export function sha256Of(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
