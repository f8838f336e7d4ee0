/** The rules of the house, read from the source itself. Floors: docs/ARCHITECTURE.md. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const FLOOR_BY_ROOM: Readonly<Record<string, number>> = {
  base: 0,
  model: 1,
  store: 2,
  disk: 2,
  block: 2,
  peer: 2,
  config: 2,
  replication: 3,
  mirror: 3,
  admin: 4,
  daemon: 5,
  cli: 5,
};
/** `tandem daemon` runs the daemon in the same process; nothing else crosses between the two rooms of the top floor. */
const ALLOWED_CROSSINGS: readonly string[] = ['cli -> daemon/daemon.ts'];
const FORBIDDEN_WORDS: readonly string[] = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'manager',
  'handler',
  'handlers',
  'service',
  'services',
  'misc',
];
/** The word of DFS Replication's own records for a member's running daemon. */
const TERMS_OF_THE_FIELD: readonly string[] = ['admin/records/service.ts'];
const MAX_LINES = 400;

interface Source {
  /** Relative to src/, with '/'. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map(path => readSource(path));

describe('the house', () => {
  test('every source file stands in a room that has a floor', () => {
    const strangers = sources.filter(source => FLOOR_BY_ROOM[source.room] === undefined).map(source => source.path);
    expect(strangers).toEqual([]);
  });

  test('a room imports only from lower floors and from itself', () => {
    const crossings = sources.flatMap(source =>
      localImports(source)
        .filter(target => !mayImport(source.room, target))
        .map(target => `${source.path} imports ${target}`),
    );
    expect(crossings).toEqual([]);
  });

  test('no imports run in a circle', () => {
    expect(findCircles()).toEqual([]);
  });

  test('every local import names a file that exists', () => {
    const paths = new Set(sources.map(source => source.path));
    const dangling = sources.flatMap(source =>
      localImports(source)
        .filter(target => !paths.has(target))
        .map(target => `${source.path} imports ${target}`),
    );
    expect(dangling).toEqual([]);
  });

  test('the model is pure: no Node, no packages, no clock, no chance, nothing asynchronous', () => {
    const impure =
      /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\.|\bprocess\.|\bsetTimeout\b|\basync\b|\bawait\b|\bPromise\b|\bcrypto\./;
    const found = sources
      .filter(source => source.room === 'model')
      .flatMap(source => {
        const foreign = source.imports
          .filter(specifier => !specifier.startsWith('.'))
          .map(specifier => `${source.path} imports ${specifier}`);
        const lines = withoutComments(source.text).split('\n');
        return [...foreign, ...lines.filter(line => impure.test(line)).map(line => `${source.path}: ${line.trim()}`)];
      });
    expect(found).toEqual([]);
  });

  test(`no file is longer than ${MAX_LINES} lines`, () => {
    const long = sources
      .filter(source => lineCount(source.text) > MAX_LINES)
      .map(source => `${source.path}: ${lineCount(source.text)} lines`);
    expect(long).toEqual([]);
  });

  test('files are named in kebab-case by the noun they define, never by a word that says nothing', () => {
    const bad = sources
      .map(source => source.path)
      .filter(path => {
        if (TERMS_OF_THE_FIELD.includes(path)) return false;
        const parts = path.replace(/\.(d\.)?ts$/, '').split('/');
        return parts.some(
          part =>
            !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part) || part.split('-').some(word => FORBIDDEN_WORDS.includes(word)),
        );
      });
    expect(bad).toEqual([]);
  });

  test('nothing is exported by default and no file only passes on the exports of others', () => {
    const bad = sources
      .filter(source => {
        const text = withoutComments(source.text);
        const statements = text.split('\n').filter(line => line.trim() !== '');
        const barrel = statements.length > 0 && statements.every(line => /^export (type )?(\*|\{).* from /.test(line));
        return /^export default\b/m.test(text) || /^(export )?(const )?enum\b/m.test(text) || barrel;
      })
      .map(source => source.path);
    expect(bad).toEqual([]);
  });

  test('no unfinished work is left in the source', () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b|not (yet )?implemented/i;
    const found = sources.flatMap(source =>
      source.text
        .split('\n')
        .map((line, index) => ({ line, place: `${source.path}:${index + 1}` }))
        .filter(({ line }) => marks.test(line))
        .map(({ place }) => place),
    );
    expect(found).toEqual([]);
  });
});

function readSource(path: string): Source {
  const text = readFileSync(join(SRC, path), 'utf8');
  const specifiers = withoutComments(text).matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|new URL\(\s*)'([^']+)'/g);
  return { path, room: path.split('/')[0]!, text, imports: [...specifiers].map(match => match[1]!) };
}

/** Imports of our own TypeScript files, relative to src/. */
function localImports(source: Source): string[] {
  return source.imports
    .filter(specifier => specifier.startsWith('.') && specifier.endsWith('.ts'))
    .map(specifier => relative(SRC, resolve(SRC, dirname(source.path), specifier)));
}

function mayImport(room: string, target: string): boolean {
  const targetRoom = target.split('/')[0]!;
  if (targetRoom === room) return true;
  const from = FLOOR_BY_ROOM[room];
  const to = FLOOR_BY_ROOM[targetRoom];
  if (from === undefined || to === undefined) return false;
  return to < from || ALLOWED_CROSSINGS.includes(`${room} -> ${target}`);
}

/** Circles among imports of values; imports of types alone leave nothing behind at run time. */
function findCircles(): string[] {
  const importsByPath = new Map(sources.map(source => [source.path, valueImports(source)]));
  const state = new Map<string, 'open' | 'closed'>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'closed') return;
    if (state.get(path) === 'open') {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    state.set(path, 'open');
    for (const next of importsByPath.get(path) ?? []) visit(next, [...trail, path]);
    state.set(path, 'closed');
  };
  for (const source of sources) visit(source.path, []);
  return circles;
}

function valueImports(source: Source): string[] {
  const text = withoutComments(source.text).replaceAll(/^(import|export) type [^;]*?;/gm, '');
  return localImports({
    ...source,
    imports: [...text.matchAll(/\bfrom\s*'([^']+)'|^import\s+'([^']+)'/gm)].map(match => match[1] ?? match[2]!),
  });
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
}

function lineCount(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}
