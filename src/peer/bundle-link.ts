/**
 * A bundle as the partner that made it: what a session asks, it answers from the file. It has one folder, one state of it,
 * and nothing to tell the partner.
 */
import { once } from 'node:events';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import {
  containsVersion,
  coversVector,
  EMPTY_VECTOR,
  subtractVectors,
  type VersionVector,
} from '../model/version-vector.ts';
import type { Bundle } from './bundle-file.ts';
import {
  type ContentAnswer,
  type ContentRequest,
  type FolderLink,
  PROTOCOL,
  type UpdatesAnswer,
  type Wanted,
} from './link.ts';

export interface BundleLink extends FolderLink {
  /** Updates that were asked for and told. */
  readonly told: number;
}

/**
 * All that a member with `have` can claim once it has dealt with the bundle: what was left out of it, and is not here
 * after all, stays missing.
 */
export function reachOf({ header }: Bundle, have: VersionVector): VersionVector {
  if (!header.serves) return EMPTY_VECTOR;
  return subtractVectors(header.holds, subtractVectors(header.left, have));
}

/** `reach`: what the session is told the partner holds. Closing the link leaves the bundle open. */
export function createBundleLink(bundle: Bundle, reach: VersionVector): BundleLink {
  const { header } = bundle;
  const end = new AbortController();
  let told = 0;

  async function* answers(request: ContentRequest): AsyncGenerator<ContentAnswer[]> {
    switch (request.kind) {
      case 'whole':
        return yield* wholeFiles(bundle, request.files);
      case 'outline':
        return yield [await outline(bundle, request.file)];
      case 'chunks':
        // The outline has them all.
        return yield [failure(request.file)];
      case 'ranges':
        return yield* ranges(bundle, request);
      default:
        // Whoever reads does so at its own pace: no credit is needed.
        return;
    }
  }

  return {
    get told() {
      return told;
    },
    checkConnectivity: async ({ group, connection }) => assertFits(bundle, { group, connection, member: header.to }),
    establishConnection: async hello => {
      assertFits(bundle, hello);
      const { protocol, software, from: member, configDigest, time: now, folder, state, database } = header;
      if (protocol.major !== PROTOCOL.major) {
        throw new TandemError(
          'PEER_INCOMPATIBLE',
          `the bundle ${bundle.path} speaks protocol ${protocol.major}.${protocol.minor}, this program ${PROTOCOL.major}.${PROTOCOL.minor}`,
        );
      }
      return {
        protocol,
        capabilities: [],
        software,
        member,
        configDigest,
        now,
        folders: [{ folder, state, database }],
      };
    },
    watchVectors: async function* (_request, signal) {
      const both = AbortSignal.any([signal, end.signal]);
      yield { folder: header.folder, state: header.state, vectorGeneration: 1, vector: reach };
      if (!both.aborted) await once(both, 'abort');
    },
    requestUpdates: async function* ({ have }, signal): AsyncGenerator<UpdatesAnswer> {
      const vector = reachOf(bundle, have);
      // Something has left the member's vector since: only the partner itself can tell of it.
      if (!coversVector(vector, reach)) {
        throw new TandemError('FOLDER_NOT_READY', `the bundle ${bundle.path} builds on what is no longer here`);
      }
      let count = 0;
      for await (const batch of bundle.updates())
        count += batch.filter(({ gvsn }) => !containsVersion(have, gvsn)).length;
      yield { kind: 'vector', vector: reach, updates: count };
      for await (const batch of bundle.updates()) {
        if (signal.aborted || end.signal.aborted) return;
        const updates = batch.filter(({ gvsn }) => !containsVersion(have, gvsn));
        told += updates.length;
        if (updates.length > 0) yield { kind: 'updates', updates };
      }
    },
    cancelUpdates: async () => {},
    requestRecords: () => {
      throw new TandemError('FOLDER_NOT_READY', `the bundle ${bundle.path} has not all records of its folder`);
    },
    fetchContent: async function* (requests, _connection, signal) {
      for await (const request of requests) {
        for await (const answer of answers(request)) {
          if (signal.aborted || end.signal.aborted) return;
          yield answer;
        }
      }
    },
    close: () => end.abort(),
  };
}

function assertFits(
  { path, header }: Bundle,
  { group, connection, member }: { readonly group: string; readonly connection: string; readonly member: string },
): void {
  const problem =
    group !== header.group
      ? `of another group (${header.group})`
      : connection !== header.connection
        ? `for the connection ${header.connection}, which is another one`
        : member !== header.to
          ? `for another member (${header.to})`
          : null;
  if (problem !== null) throw new TandemError('PEER_UNRECOGNIZED', `the bundle ${path} is ${problem}`);
}

async function* wholeFiles(bundle: Bundle, files: readonly Wanted[]): AsyncGenerator<ContentAnswer[]> {
  let batch: ContentAnswer[] = [];
  let bytes = 0;
  for (const file of files) {
    const content = await bundle.content(file.hash);
    if (content?.kind !== 'small') {
      batch.push(failure(file));
      continue;
    }
    const { data } = content;
    batch.push({ kind: 'data', id: file.id, offset: 0, data, last: true });
    bytes += data.length;
    if (bytes < LIMITS.contentMessageBytes) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

async function outline(bundle: Bundle, file: Wanted): Promise<ContentAnswer> {
  const content = await bundle.content(file.hash);
  if (content?.kind !== 'large') return failure(file);
  return { kind: 'outline', id: file.id, groups: [], recipe: await content.recipe() };
}

async function* ranges(
  bundle: Bundle,
  { file, ranges: wanted }: Extract<ContentRequest, { kind: 'ranges' }>,
): AsyncGenerator<ContentAnswer[]> {
  const content = await bundle.content(file.hash);
  if (content?.kind !== 'large') return yield [failure(file)];
  for (const [i, { offset, length }] of wanted.entries()) {
    if (offset + length > content.size) return yield [failure(file)];
    for (let at = offset; at < offset + length; at += LIMITS.contentMessageBytes) {
      const take = Math.min(LIMITS.contentMessageBytes, offset + length - at);
      const last = i === wanted.length - 1 && at + take === offset + length;
      yield [{ kind: 'data', id: file.id, offset: at, data: await content.read(at, take), last }];
    }
  }
}

/** It had changed when its maker was to put it in, or the maker took it for known. */
function failure({ id }: Wanted): ContentAnswer {
  return { kind: 'failed', id, reason: 'left-out' };
}
