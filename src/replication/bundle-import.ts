/**
 * Takes a bundle in. A session runs against it as against the partner itself, so that what comes by hand is verified, preserved,
 * installed and claimed as what comes by wire.
 */
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { formatDuration } from '../base/sizes-and-durations.ts';
import type { ConnectionConfig, GroupMember } from '../config/config.ts';
import { countVersions, coversVector, subtractVectors, type VersionVector } from '../model/version-vector.ts';
import { type Bundle, openBundle } from '../peer/bundle-file.ts';
import type { BundleHeader } from '../peer/bundle-format.ts';
import { type BundleLink, createBundleLink, reachOf } from '../peer/bundle-link.ts';
import { certificateProblem } from '../peer/certificate.ts';
import { ContentFetcher } from './content-fetch.ts';
import type { Folder } from './folder.ts';
import { type Comparison, compareAll } from './full-comparison.ts';
import { noteHoldings } from './heard-vectors.ts';
import { InboundSession } from './inbound-session.ts';
import type { Member } from './member.ts';
import { givenUpAgain, type TellProgress } from './replica-cycle.ts';

export interface ImportOrder {
  readonly path: string;
  /** Compares also what should be here, and has again what is not. */
  readonly full: boolean;
  /** Of this member, PEM. */
  readonly key: string;
}

export interface Imported {
  readonly partner: GroupMember;
  readonly folder: Folder;
  readonly bundleBytes: number;
  /** Updates in it that were not here. */
  readonly updates: number;
  readonly contentBytes: number;
  readonly compared: Comparison | null;
  /** Versions that the bundle builds on and that are not here: it was made for what this member had once. */
  readonly assumed: number;
  /** Why not all of it has been dealt with; null: it has. */
  readonly unfinished: string | null;
}

interface Reading {
  readonly link: BundleLink;
  readonly header: BundleHeader;
  /** What this member can claim in the end. */
  readonly reach: VersionVector;
  readonly signal: AbortSignal;
  readonly tell: TellProgress;
}

interface Place {
  readonly folder: Folder;
  readonly partner: GroupMember;
  readonly connection: ConnectionConfig;
}

/**
 * Rejects as `openBundle` does; PEER_UNRECOGNIZED if the bundle is for somebody else, PEER_UNTRUSTED if group.yaml does not know its
 * maker, BUNDLE_EXPIRED if it is too old, FOLDER_NOT_READY if the folder takes nothing in. `tell` hears how far it is.
 */
export async function importBundle(
  member: Member,
  { path, full, key }: ImportOrder,
  signal: AbortSignal,
  tell: TellProgress,
): Promise<Imported> {
  const checks = {
    certificateFor: (header: BundleHeader) => {
      const { certificate } = placeOf(member, header, path).partner;
      const problem = certificateProblem(certificate, member.parts.clock.now());
      if (problem !== null)
        throw new TandemError('PEER_UNTRUSTED', `the certificate of the maker of ${path} ${problem}`);
      return certificate;
    },
    key,
    checked: (bytes: number) => tell(`${bytes} bytes of the bundle are checked`),
  };
  tell('the bundle is being checked');
  const bundle = await openBundle(path, checks, signal);
  try {
    return await take(member, bundle, { full, signal, tell });
  } finally {
    await bundle.close();
  }
}

async function take(
  member: Member,
  bundle: Bundle,
  { full, signal, tell }: { readonly full: boolean; readonly signal: AbortSignal; readonly tell: TellProgress },
): Promise<Imported> {
  const { header } = bundle;
  const place = placeOf(member, header, bundle.path);
  const { core } = place.folder;
  if (!core.active) {
    const why = core.memory.halt ? `is halted: ${core.memory.halt.sentence}` : `is ${core.publicState}`;
    throw new TandemError('FOLDER_NOT_READY', `folder ${core.config.name} ${why}`);
  }
  // A clock that ran ahead must not make later bundles look old.
  const { holds, time } = header;
  await noteHoldings(core, place.partner.guid, { holds, time: Math.min(time, core.clock.now()) });
  let compared: Comparison | null = null;
  if (full) {
    const whole = createBundleLink(bundle, reachOf(bundle, new Map()));
    const request = { connection: header.connection, folder: header.folder };
    const ask = (have: VersionVector) => whole.requestUpdates({ ...request, have }, signal);
    compared = await compareAll(core, ask, signal, so => tell(`${so.compared} updates of the bundle are compared`));
  }
  const have = core.store.vector;
  const reach = reachOf(bundle, have);
  const link = createBundleLink(bundle, reach);
  const hello = member.hello(place.connection.guid, place.partner.name);
  const welcome = await link.establishConnection({ ...hello, forced: !place.connection.enabled }, signal);
  if (welcome.configDigest !== hello.configDigest) {
    const { name } = place.partner;
    const differs = `group.yaml of ${name} differed from this member’s when it made ${bundle.path}`;
    member.parts.emit('CONFIG_DIFFERS', differs, { partner: name });
  }
  const { unfinished, contentBytes } = await runSession(member, place, { link, header, reach, signal, tell });
  const made = new Date(header.time).toISOString();
  const left = unfinished === null ? '' : `; not all of it is dealt with: ${unfinished}`;
  core.emit('BUNDLE_TAKEN', `a bundle that ${place.partner.name} made at ${made} was taken in${left}`, {
    partner: place.partner.name,
    updates: link.told,
    bytes: contentBytes,
  });
  return {
    partner: place.partner,
    folder: place.folder,
    bundleBytes: bundle.bytes,
    updates: link.told,
    contentBytes,
    compared,
    assumed: header.serves ? countVersions(subtractVectors(header.left, have)) : 0,
    unfinished,
  };
}

/** As a connection serves its sessions, for this one, until it has dealt with all of the bundle or can do no more. */
async function runSession(
  member: Member,
  { folder, partner, connection }: Place,
  { link, header, reach, signal, tell }: Reading,
): Promise<Pick<Imported, 'unfinished' | 'contentBytes'>> {
  const { core, flow } = folder;
  const fetcher = new ContentFetcher(connection.guid, member.parts.hash64);
  const source = { partner, connection: connection.guid, book: member.sessions, asOf: header.time };
  const session = new InboundSession(folder, source);
  if (header.serves === false || coversVector(core.store.vector, reach)) {
    if (core.memory.phase === 'normal' || !header.serves) return { unfinished: null, contentBytes: 0 };
  }
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const turn = { source: fetcher.source({ core, flow }), ending: () => null, settled: () => {} };
  const listen = async () => {
    const request = { connection: connection.guid, folders: [header.folder] };
    for await (const event of link.watchVectors(request, both)) session.offer(event);
  };
  member.guests.add(session);
  session.trying(null);
  try {
    const loops = [fetcher.run(link, both), listen(), session.run(link, turn, both)];
    const ended = loops.map(loop => loop.finally(() => end.abort()));
    const unfinished = await untilDealtWith({ member, folder, session, fetcher, reach, signal: both, tell });
    end.abort();
    const failed = (await Promise.allSettled(ended)).find(result => result.status === 'rejected');
    if (failed && !(failed.reason instanceof TandemError && failed.reason.code === 'CANCELLED')) throw failed.reason;
    if (signal.aborted) throw new TandemError('CANCELLED', 'taking the bundle in was given up');
    return { unfinished, contentBytes: fetcher.bytesReceived };
  } finally {
    end.abort();
    member.guests.delete(session);
    session.close({ cause: 'schedule-off', note: 'the bundle has been read' });
  }
}

interface Watched {
  readonly member: Member;
  readonly folder: Folder;
  readonly session: InboundSession;
  readonly fetcher: ContentFetcher;
  readonly reach: VersionVector;
  readonly signal: AbortSignal;
  readonly tell: TellProgress;
}

/** Null once all is dealt with, or why it will not be. */
async function untilDealtWith({
  member,
  folder: { core },
  session,
  fetcher,
  reach,
  signal,
  tell,
}: Watched): Promise<string | null> {
  const { clock } = member.parts;
  const givenUp = new Map(core.pending.listGivenUp().map(each => [each.update.gvsn, each.attempts]));
  for (const { update } of core.pending.listGivenUp()) core.pending.retryNow(update.uid, clock.now());
  let still = 0;
  for (let moved = ''; !signal.aborted; ) {
    if (core.memory.halt) return `the folder is halted: ${core.memory.halt.sentence}`;
    const settled = session.latest?.state !== 'normal' || session.inSync;
    if (coversVector(core.store.vector, reach) && session.latest && settled) return null;
    const stuck = givenUpAgain(core, reach, givenUp);
    if (stuck) return stuck.sentence;
    const missing = countVersions(subtractVectors(reach, core.store.vector));
    tell(`${missing} versions are missing, ${core.pending.size} updates on their way`, missing);
    const { size } = core.pending;
    const now = [core.vectorGeneration, size, fetcher.bytesReceived, core.memory.initialScanDone].join();
    still = now === moved && core.memory.initialScanDone ? still + LIMITS.syncLookMs : 0;
    moved = now;
    if (still >= LIMITS.syncIdleMs) {
      const waiting = core.pending.list()[0] ?? core.pending.listGivenUp()[0];
      const why = waiting ? `“${waiting.update.name}”: ${waiting.reason}` : `the folder is ${core.publicState}`;
      return `nothing has moved for ${LIMITS.syncIdleMs / 1000} s: ${why}`;
    }
    await clock.sleep(LIMITS.syncLookMs, signal).catch(() => {});
  }
  return 'it was given up';
}

/** Where the bundle belongs in this group, on this member. */
function placeOf(member: Member, header: BundleHeader, path: string): Place {
  const { group, clock } = member.parts;
  const refuse = (why: string): never => {
    throw new TandemError('PEER_UNRECOGNIZED', `the bundle ${path} ${why}`);
  };
  if (header.group !== group.guid) refuse(`is of another group (${header.group})`);
  const partner = [...group.members.values()].find(({ guid }) => guid === header.from);
  if (!partner) {
    throw new TandemError(
      'PEER_UNTRUSTED',
      `the bundle ${path} was made by a member that group.yaml does not know (${header.from})`,
    );
  }
  if (header.to !== member.guid) {
    const other = [...group.members.values()].find(({ guid }) => guid === header.to)?.name ?? header.to;
    refuse(`is for ${other}, not for ${member.parts.name}`);
  }
  const connection = group.connections.find(({ guid }) => guid === header.connection);
  if (!connection || connection.from !== partner.name || connection.to !== member.parts.name)
    return refuse(`came by a connection from ${partner.name} that group.yaml does not know (${header.connection})`);
  const folder = member.folders.get(header.folder);
  if (!folder?.core.config.members.has(partner.name))
    return refuse(`is of a folder that ${partner.name} and this member do not share (${header.folder})`);
  if (header.serves && folder.core.config.readOnly.includes(partner.name))
    refuse(`has updates of ${partner.name}, which is read-only in folder ${folder.core.config.name}`);
  const age = clock.now() - header.time;
  if (header.serves && age > group.tombstoneLifetimeMs) {
    throw new TandemError(
      'BUNDLE_EXPIRED',
      `the bundle ${path} was made at ${new Date(header.time).toISOString()}; deletions are remembered for ${formatDuration(group.tombstoneLifetimeMs)} only: make a new one`,
    );
  }
  return { folder, partner, connection };
}
