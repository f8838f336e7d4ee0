/**
 * Content on the wire. Small files travel many to a message, in parallel lists, so that the cost of a file is a few list
 * entries and a view into the message.
 */
import { unreachable } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { checkGroups, checkRecipe } from '../model/chunk-groups.ts';
import type { ChunkGroup, Recipe } from '../model/recipe.ts';
import { vsnOf } from '../model/version.ts';
import type { ContentAnswer, ContentRequest, FailureReason, Wanted } from './link.ts';
import {
  assertColumn,
  countFromWire,
  createDatabaseTable,
  DIGEST_BYTES,
  databasesFromWire,
  guidFromWire,
  hashesFromWire,
  hashesToWire,
  listFromWire,
  versionFromWire,
  violation,
} from './wire-parts.ts';

export interface WireContentRequest {
  readonly request?: string;
  readonly open?: { readonly connection: string } | null;
  readonly creditBytes?: number;
  readonly whole?: WireWanted | null;
  readonly outline?: WireWanted | null;
  readonly chunks?: { readonly file: WireWanted | null; readonly groups: readonly number[] } | null;
  readonly ranges?: {
    readonly file: WireWanted | null;
    readonly offsets: readonly number[];
    readonly lengths: readonly number[];
  } | null;
  readonly abandon?: { readonly ids: readonly number[] } | null;
}

export interface WireWanted {
  readonly databases: Buffer;
  readonly folders: readonly string[];
  readonly ids: readonly number[];
  readonly folderIndexes: readonly number[];
  readonly uidDatabases: readonly number[];
  readonly uidNumbers: readonly number[];
  readonly gvsnDatabases: readonly number[];
  readonly gvsnNumbers: readonly number[];
  readonly hashes: Buffer;
}

export interface WireContentAnswers {
  readonly ids: readonly number[];
  readonly offsets: readonly number[];
  readonly lasts: readonly boolean[];
  readonly pieces: readonly Uint8Array[];
  readonly outlines: readonly WireOutline[];
  readonly chunks: readonly WireChunks[];
  readonly failures: readonly { readonly id: number; readonly reason: number }[];
}

interface WireRecipe {
  readonly lengths: readonly number[];
  readonly hashes: Buffer;
}

interface WireOutline {
  readonly id: number;
  readonly chunkCounts: readonly number[];
  readonly byteCounts: readonly number[];
  readonly hashes: Buffer;
  readonly recipe: WireRecipe | null;
}

interface WireChunks {
  readonly id: number;
  readonly group: number;
  readonly recipe: WireRecipe | null;
  readonly last: boolean;
}

/** What a caller sends: the stream's opening, then requests. */
export type ContentCall = { readonly kind: 'open'; readonly connection: string } | ContentRequest;

const FAILURE_NUMBERS: Readonly<Record<FailureReason, number>> = {
  changed: 1,
  gone: 2,
  'not-ready': 3,
  unreadable: 4,
  'left-out': 5,
};
const FAILURES = new Map(Object.entries(FAILURE_NUMBERS).map(([name, number]) => [number, name as FailureReason]));

export function contentCallToWire(call: ContentCall): WireContentRequest {
  switch (call.kind) {
    case 'open':
      return { open: { connection: call.connection } };
    case 'credit':
      return { creditBytes: call.bytes };
    case 'whole':
      return { whole: wantedToWire(call.files) };
    case 'outline':
      return { outline: wantedToWire([call.file]) };
    case 'chunks':
      return { chunks: { file: wantedToWire([call.file]), groups: call.groups } };
    case 'ranges':
      return {
        ranges: {
          file: wantedToWire([call.file]),
          offsets: call.ranges.map(range => range.offset),
          lengths: call.ranges.map(range => range.length),
        },
      };
    case 'abandon':
      return { abandon: { ids: call.ids } };
    default:
      return unreachable(call);
  }
}

export function contentCallFromWire(wire: WireContentRequest): ContentCall {
  if (wire.open) return { kind: 'open', connection: guidFromWire(wire.open.connection, 'open.connection') };
  if (wire.whole) return { kind: 'whole', files: wantedFromWire(wire.whole, 'whole') };
  if (wire.outline) return { kind: 'outline', file: oneWanted(wire.outline, 'outline') };
  if (wire.chunks) {
    const groups = listFromWire(wire.chunks.groups, 'chunks.groups', LIMITS.rangesPerRequest);
    return { kind: 'chunks', file: oneWanted(wire.chunks.file, 'chunks.file'), groups };
  }
  if (wire.ranges) {
    const { offsets, lengths } = wire.ranges;
    listFromWire(offsets, 'ranges.offsets', LIMITS.rangesPerRequest);
    assertColumn(lengths.length, 'ranges.lengths', offsets.length);
    const ranges = offsets.map((offset, i) => {
      const length = lengths[i]!;
      countFromWire(offset, 'ranges.offsets', Number.MAX_SAFE_INTEGER - length);
      return { offset, length };
    });
    return { kind: 'ranges', file: oneWanted(wire.ranges.file, 'ranges.file'), ranges };
  }
  if (wire.abandon) {
    return { kind: 'abandon', ids: listFromWire(wire.abandon.ids, 'abandon.ids', LIMITS.contentRequestsOnTheWay) };
  }
  if (wire.request === 'creditBytes') {
    return { kind: 'credit', bytes: countFromWire(wire.creditBytes ?? 0, 'credit_bytes', Number.MAX_SAFE_INTEGER) };
  }
  throw violation('request', 'is missing or unknown');
}

function wantedToWire(files: readonly Wanted[]): WireWanted {
  const table = createDatabaseTable();
  const folders: string[] = [];
  const folderIndexes: number[] = [];
  const uidDatabases: number[] = [];
  const gvsnDatabases: number[] = [];
  const hashes = Buffer.alloc(files.length * DIGEST_BYTES);
  for (let i = 0; i < files.length; i++) {
    const { folder, uid, gvsn, hash } = files[i]!;
    let index = folders.indexOf(folder);
    if (index < 0) index = folders.push(folder) - 1;
    folderIndexes.push(index);
    uidDatabases.push(table.indexOf(uid));
    gvsnDatabases.push(table.indexOf(gvsn));
    hashes.write(hash, i * DIGEST_BYTES, 'hex');
  }
  return {
    databases: table.toWire(),
    folders,
    ids: files.map(file => file.id),
    folderIndexes,
    uidDatabases,
    uidNumbers: files.map(file => vsnOf(file.uid)),
    gvsnDatabases,
    gvsnNumbers: files.map(file => vsnOf(file.gvsn)),
    hashes,
  };
}

function wantedFromWire(wire: WireWanted, field: string): Wanted[] {
  const count = listFromWire(wire.ids, `${field}.ids`, LIMITS.contentRequestsOnTheWay).length;
  assertColumn(wire.folderIndexes.length, `${field}.folder_indexes`, count);
  assertColumn(wire.uidDatabases.length, `${field}.uid_databases`, count);
  assertColumn(wire.uidNumbers.length, `${field}.uid_numbers`, count);
  assertColumn(wire.gvsnDatabases.length, `${field}.gvsn_databases`, count);
  assertColumn(wire.gvsnNumbers.length, `${field}.gvsn_numbers`, count);
  assertColumn(wire.hashes.length / DIGEST_BYTES, `${field}.hashes`, count);
  const databases = databasesFromWire(wire.databases, `${field}.databases`, 2 * LIMITS.contentRequestsOnTheWay);
  listFromWire(wire.folders, `${field}.folders`, LIMITS.foldersPerConnection);
  for (const folder of wire.folders) guidFromWire(folder, `${field}.folders`);
  const files: Wanted[] = [];
  for (let i = 0; i < count; i++) {
    const folder = wire.folders[wire.folderIndexes[i]!];
    if (folder === undefined) throw violation(`${field}.folder_indexes`, 'names a folder that is not listed');
    files.push({
      id: wire.ids[i]!,
      folder,
      uid: versionFromWire(databases, wire.uidDatabases[i]!, wire.uidNumbers[i]!, `${field}.uid_numbers`),
      gvsn: versionFromWire(databases, wire.gvsnDatabases[i]!, wire.gvsnNumbers[i]!, `${field}.gvsn_numbers`),
      hash: wire.hashes.toString('hex', i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES),
    });
  }
  return files;
}

function oneWanted(wire: WireWanted | null, field: string): Wanted {
  const files = wire === null ? [] : wantedFromWire(wire, field);
  if (files.length !== 1) throw violation(field, `names ${files.length} files instead of one`);
  return files[0]!;
}

/**
 * Cuts answers into messages of about `LIMITS.contentMessageBytes` of content, `LIMITS.contentPieces` answers and
 * `LIMITS.rangesPerRequest` chunks, in order. A piece of content above the bound must have been cut by whoever made it.
 */
export function splitAnswers(answers: ContentAnswer[]): ContentAnswer[][] {
  const parts: ContentAnswer[][] = [];
  let start = 0;
  let bytes = 0;
  for (let i = 0; i < answers.length; i++) {
    const size = answerBytes(answers[i]!);
    if (i > start && (bytes + size > LIMITS.contentMessageBytes || i - start === LIMITS.contentPieces)) {
      parts.push(answers.slice(start, i));
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < answers.length) parts.push(start === 0 ? answers : answers.slice(start));
  return parts;
}

function answerBytes(answer: ContentAnswer): number {
  switch (answer.kind) {
    case 'data':
      return answer.data.byteLength;
    case 'outline':
      return 16 * answer.groups.length + 11 * (answer.recipe?.lengths.length ?? 0);
    case 'chunks':
      return 11 * answer.recipe.lengths.length;
    case 'failed':
      return 8;
    default:
      return unreachable(answer);
  }
}

export function answersToWire(answers: readonly ContentAnswer[]): WireContentAnswers {
  const ids: number[] = [];
  const offsets: number[] = [];
  const lasts: boolean[] = [];
  const pieces: Uint8Array[] = [];
  const outlines: WireOutline[] = [];
  const chunks: WireChunks[] = [];
  const failures: { id: number; reason: number }[] = [];
  for (const answer of answers) {
    switch (answer.kind) {
      case 'data':
        ids.push(answer.id);
        offsets.push(answer.offset);
        lasts.push(answer.last);
        pieces.push(answer.data);
        break;
      case 'outline':
        outlines.push(outlineToWire(answer));
        break;
      case 'chunks':
        chunks.push({ id: answer.id, group: answer.group, recipe: recipeToWire(answer.recipe), last: answer.last });
        break;
      case 'failed':
        failures.push({ id: answer.id, reason: FAILURE_NUMBERS[answer.reason] });
        break;
      default:
        unreachable(answer);
    }
  }
  return { ids, offsets, lasts, pieces, outlines, chunks, failures };
}

/** Pieces of content come first, then outlines, chunks and failures. Data are views into the message. */
export function answersFromWire(wire: WireContentAnswers): ContentAnswer[] {
  const { ids, offsets, lasts, pieces } = wire;
  const count = listFromWire(ids, 'ids', LIMITS.contentPieces).length;
  assertColumn(offsets.length, 'offsets', count);
  assertColumn(lasts.length, 'lasts', count);
  assertColumn(pieces.length, 'pieces', count);
  const answers: ContentAnswer[] = [];
  for (let i = 0; i < count; i++) {
    const data = pieces[i]!;
    const offset = countFromWire(offsets[i]!, 'offsets', Number.MAX_SAFE_INTEGER - data.byteLength);
    answers.push({ kind: 'data', id: ids[i]!, offset, data, last: lasts[i]! });
  }
  for (const outline of wire.outlines) answers.push(outlineFromWire(outline));
  for (const { id, group, recipe, last } of wire.chunks) {
    answers.push({ kind: 'chunks', id, group, recipe: recipeFromWire(recipe, 'chunks.recipe'), last });
  }
  for (const { id, reason } of wire.failures) {
    const name = FAILURES.get(reason);
    if (name === undefined) throw violation('failures.reason', `is ${reason}, which is unknown`);
    answers.push({ kind: 'failed', id, reason: name });
  }
  return answers;
}

export function contentIn(answers: readonly ContentAnswer[]): Uint8Array[] {
  return answers.flatMap(answer => (answer.kind === 'data' ? [answer.data] : []));
}

function outlineToWire(answer: Extract<ContentAnswer, { kind: 'outline' }>): WireOutline {
  return {
    id: answer.id,
    chunkCounts: answer.groups.map(group => group.chunks),
    byteCounts: answer.groups.map(group => group.bytes),
    hashes: hashesToWire(BigUint64Array.from(answer.groups, group => group.hash)),
    recipe: answer.recipe === null ? null : recipeToWire(answer.recipe),
  };
}

function outlineFromWire(wire: WireOutline): ContentAnswer {
  const count = listFromWire(wire.chunkCounts, 'outlines.chunk_counts', LIMITS.recipeChunks).length;
  assertColumn(wire.byteCounts.length, 'outlines.byte_counts', count);
  const hashes = hashesFromWire(wire.hashes, 'outlines.hashes', count);
  const groups: ChunkGroup[] = [];
  let firstChunk = 0;
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const chunks = wire.chunkCounts[i]!;
    const bytes = wire.byteCounts[i]!;
    groups.push({ firstChunk, chunks, offset, bytes, hash: hashes[i]! });
    firstChunk += chunks;
    offset += bytes;
  }
  const problem = checkGroups(groups, offset);
  if (problem !== null) throw violation('outlines', `is malformed: ${problem}`);
  const recipe = wire.recipe === null ? null : recipeFromWire(wire.recipe, 'outlines.recipe');
  return { kind: 'outline', id: wire.id, groups, recipe };
}

function recipeToWire(recipe: Recipe): WireRecipe {
  return { lengths: Array.from(recipe.lengths), hashes: hashesToWire(recipe.hashes) };
}

/** Checked as far as it can be without the file's size, which only the reader knows. */
function recipeFromWire(wire: WireRecipe | null, field: string): Recipe {
  if (wire === null) throw violation(field, 'is missing');
  const count = wire.lengths.length;
  const recipe = {
    lengths: Uint32Array.from(wire.lengths),
    hashes: hashesFromWire(wire.hashes, `${field}.hashes`, count),
  };
  const bytes = recipe.lengths.reduce((sum, length) => sum + length, 0);
  const problem = checkRecipe(recipe, bytes, Number.MAX_SAFE_INTEGER);
  if (problem !== null) throw violation(field, `is malformed: ${problem}`);
  return recipe;
}
