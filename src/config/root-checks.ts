/** Root directories of folders: absolute, in normal form, and none inside another on the same member. */
import { posix } from 'node:path';
import type { GroupFile } from './group-schema.ts';
import type { Problem } from './problems.ts';
import type { KeyPath, YamlSource } from './yaml-source.ts';

interface Root {
  readonly folder: string;
  readonly root: string;
  readonly path: KeyPath;
}

export function checkRoots(content: GroupFile, source: YamlSource) {
  const problems: Problem[] = [];
  const rootsByFolder = new Map<string, Map<string, string>>();
  const rootsByMember = new Map<string, Root[]>();
  for (const [folder, { members }] of Object.entries(content.folders)) {
    const roots = new Map<string, string>();
    rootsByFolder.set(folder, roots);
    for (const [member, text] of Object.entries(members)) {
      const path = ['folders', folder, 'members', member];
      const fault = faultOfRoot(text);
      if (fault !== null) {
        problems.push(source.problem(path, fault));
        continue;
      }
      const root = normalRoot(text);
      roots.set(member, root);
      const others = rootsByMember.get(member) ?? [];
      for (const other of others) {
        if (!isWithin(root, other.root) && !isWithin(other.root, root)) continue;
        const relation =
          root === other.root
            ? 'is also the root'
            : isWithin(root, other.root)
              ? 'lies inside the root'
              : 'contains the root';
        problems.push(
          source.problem(
            path,
            `${root} ${relation} of the folder ${other.folder} on ${member} (${source.place(other.path)}); give each folder a directory of its own`,
          ),
        );
      }
      rootsByMember.set(member, [...others, { folder, root, path }]);
    }
  }
  return { problems, rootsByFolder };
}

/** True if `path` is `directory` or lies below it; both in normal form. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function faultOfRoot(text: string): string | null {
  if (!text.startsWith('/')) return `“${text}” is not an absolute path; write it from “/” on`;
  if (text.includes('\0')) return 'a path cannot contain a zero character';
  const parts = text.split('/');
  if (parts.includes('..')) return `“${text}” contains “..”; write the path without it`;
  if (parts.includes('.tandem')) return '.tandem/ is Tandem’s own directory inside a folder and cannot be replicated';
  if (normalRoot(text) === '/')
    return 'the root directory of the host cannot be replicated; choose a directory below it';
  return null;
}

function normalRoot(text: string): string {
  const normal = posix.normalize(text);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
