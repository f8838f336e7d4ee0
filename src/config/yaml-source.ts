/** YAML text as plain data that still knows the line and column of each key and value. */
import { readFile, stat } from 'node:fs/promises';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { type Problem, throwProblems } from './problems.ts';

export type KeyPath = readonly (string | number)[];

export interface YamlSource {
  readonly file: string;
  /** The content as plain data; null for an empty file. */
  readonly data: unknown;
  /** A problem at the value under `path`, or at its nearest ancestor where there is none. */
  problem(path: KeyPath, message: string): Problem;
  /** The same, placed at the key itself. */
  keyProblem(path: KeyPath, message: string): Problem;
  /** `12:5`: where the value under `path` stands. */
  place(path: KeyPath): string;
}

/** Reads a configuration file. CONFIG_UNREADABLE with `advice` if there is none. */
export async function readConfigText(file: string, advice: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > LIMITS.configFileBytes) {
      throw new TandemError(
        'CONFIG_INVALID',
        `${file} has ${size} bytes; at most ${LIMITS.configFileBytes} are allowed`,
      );
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof TandemError) throw error;
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const reason = missing ? 'does not exist' : `cannot be read (${messageOf(error)})`;
    throw new TandemError('CONFIG_UNREADABLE', `${file} ${reason}; ${advice}`, { file }, error);
  }
}

/** CONFIG_INVALID for text that is not YAML, duplicate keys included. */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  throwProblems(
    [...document.errors, ...document.warnings].map(error => ({
      file,
      ...at(error.pos[0]),
      key: '',
      message:
        error.code === 'DUPLICATE_KEY' ? 'this key stands twice in the same map; remove one of the two' : error.message,
    })),
  );

  const resolve = (node: unknown) => {
    const value = isAlias(node) ? node.resolve(document) : node;
    return value as Node | null | undefined;
  };
  /** The node under `path` (or of its nearest ancestor) and the key it stands under. */
  const find = (path: KeyPath): { value: number; key: number } => {
    let node = resolve(document.contents);
    let value = startOf(document.contents) ?? 0;
    let key = value;
    for (const step of path) {
      if (isMap(node)) {
        const pair: Pair | undefined = node.items.find(
          item => isScalar(item.key) && String(item.key.value) === String(step),
        );
        if (pair === undefined) break;
        key = startOf(pair.key) ?? value;
        value = startOf(pair.value) ?? key;
        node = resolve(pair.value);
      } else if (isSeq(node)) {
        const item = node.items[Number(step)];
        if (item === undefined) break;
        value = startOf(item) ?? value;
        key = value;
        node = resolve(item);
      } else {
        break;
      }
    }
    return { value, key };
  };
  return {
    file,
    data: readData(() => document.toJS({ maxAliasCount: 100 }), file),
    problem: (path, message) => ({ file, ...at(find(path).value), key: formatKey(path), message }),
    keyProblem: (path, message) => ({ file, ...at(find(path).key), key: formatKey(path), message }),
    place: path => {
      const { line, column } = at(find(path).value);
      return `${line}:${column}`;
    },
  };
}

/** `connections[2].from`, `folders.docs.quiet` */
export function formatKey(path: KeyPath): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

function readData(read: () => unknown, file: string): unknown {
  try {
    return read();
  } catch (error) {
    throw new TandemError('CONFIG_INVALID', `${file}:1:1: ${messageOf(error)}`, { file }, error);
  }
}

function startOf(node: unknown): number | undefined {
  const range = (node as Node | null | undefined)?.range;
  return range?.[0];
}
