/**
 * One turn of a request of ReplicaSync: the inbound connection brings one folder up to what its source has now. The session
 * does the work; here is seen to it that it may, and waited until it is done. [dfsr.md §7.2]
 */
import type { Clock } from '../base/clock.ts';
import { messageOf, TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { hasOption, refuseLink, resultOfFailure, type SyncOutcome } from '../model/replica-sync.ts';
import type { Gvsn } from '../model/version.ts';
import {
  containsVersion,
  countVersions,
  coversVector,
  mergeVectors,
  subtractVectors,
  type VersionVector,
} from '../model/version-vector.ts';
import { type FolderCore, servesAsSource } from './folder-core.ts';
import { type Comparison, compareAll } from './full-comparison.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';

/** Told how far it is, in words, and how many versions are still to come where that is known. */
export type TellProgress = (sentence: string, missing?: number) => void;

export interface Cycle {
  readonly connection: InboundConnection;
  readonly session: InboundSession;
  readonly options: number;
  readonly clock: Clock;
  /** The connection belongs to the member that runs. */
  readonly isCurrent: () => boolean;
  readonly tell: TellProgress;
}

/** Rejects only with what must stop the member. The signal is aborted with the outcome as its reason. */
export async function runCycle(cycle: Cycle, signal: AbortSignal): Promise<SyncOutcome> {
  const watch = new CycleWatch(cycle, signal);
  try {
    return await pull(cycle, watch, signal);
  } catch (error) {
    if (signal.aborted) return interruption(signal);
    if (!(error instanceof TandemError) || error.reaction === 'stop-member') throw error;
    // The link went away under a call.
    const code = error.code === 'CANCELLED' ? 'PEER_UNREACHABLE' : error.code;
    return { result: resultOfFailure(code), sentence: messageOf(error) };
  } finally {
    watch.end();
  }
}

async function pull(cycle: Cycle, watch: CycleWatch, signal: AbortSignal): Promise<SyncOutcome> {
  const { connection, session, options } = cycle;
  const { core } = session.folder;
  const from = connection.parts.partner.name;
  connection.poke();
  cycle.tell(`calling ${from}`);
  const hindered = await watch.until(() => connection.state === 'online' && session.latest !== null);
  if (hindered) return hindered;
  let compared: Comparison | null = null;
  if (hasOption(options, 'FULL')) {
    const tell = (so: Comparison) =>
      cycle.tell(`${so.compared} updates of ${from} compared, ${so.wanted} are had again`);
    const ask = (have: VersionVector) => connection.requestUpdates(session.guid, have, signal);
    compared = await compareAll(core, ask, signal, tell);
  }
  const target = await vectorOf(cycle, signal);
  for (const { update } of core.pending.listGivenUp()) core.pending.retryNow(update.uid, cycle.clock.now());
  const givenUp = new Map(core.pending.listGivenUp().map(each => [each.update.gvsn, each.attempts]));
  const stuck = await watch.until(
    () => coversVector(core.store.vector, target),
    () => givenUpAgain(core, target, givenUp),
  );
  if (stuck) return stuck;
  const { name } = core.config;
  const parts = [`folder ${name} has all that ${from} has`];
  if (compared) parts.push(`${compared.compared} updates were compared, ${compared.wanted} had again`);
  if (hasOption(options, 'ADD_REFERENCE')) {
    const notifies = `${from} notifies this member of changes`;
    parts.push(watch.forced ? `${notifies} only while the connection is forced open` : notifies);
  }
  return { result: 0, sentence: parts.join('; ') };
}

/** What the source has at this moment. What the session last heard of it may be older. */
async function vectorOf({ connection, session }: Cycle, signal: AbortSignal): Promise<VersionVector> {
  const have = mergeVectors(session.folder.core.store.vector, session.latest?.vector ?? new Map());
  for await (const answer of connection.requestUpdates(session.guid, have, signal)) {
    if (answer.kind === 'vector') return answer.vector;
  }
  throw new TandemError('PEER_UNREACHABLE', `${connection.parts.partner.name} ended the connection`);
}

/** All of `target` that is missing was tried again since and could not be processed; null: something may still come. */
export function givenUpAgain(
  core: FolderCore,
  target: VersionVector,
  before: ReadonlyMap<Gvsn, number>,
): SyncOutcome | null {
  const missing = subtractVectors(target, core.store.vector);
  const failed = core.pending
    .listGivenUp()
    .filter(
      ({ update, attempts }) => containsVersion(missing, update.gvsn) && attempts > (before.get(update.gvsn) ?? 0),
    );
  if (core.pending.size > 0 || countVersions(missing) > failed.length || failed.length === 0) return null;
  const [first] = failed;
  return {
    result: 8477,
    sentence: `${failed.length} updates of folder ${core.config.name} wait to be tried again, “${first!.update.name}” among them: ${first!.reason}`,
  };
}

/** What stands in the way of a cycle, looked at again and again. */
class CycleWatch {
  readonly #cycle: Cycle;
  readonly #signal: AbortSignal;
  /** Attempts to connect that were made before: what came of them says nothing. */
  #attempts: number;
  #release: (() => void) | null = null;

  constructor(cycle: Cycle, signal: AbortSignal) {
    this.#cycle = cycle;
    this.#signal = signal;
    this.#attempts = cycle.connection.attempts;
  }

  /** The connection is open for the sake of this cycle. */
  get forced(): boolean {
    return this.#release !== null;
  }

  /** Null once `done`; else why it will not be. `stuck` may say so. */
  async until(done: () => boolean, stuck: () => SyncOutcome | null = () => null): Promise<SyncOutcome | null> {
    const { clock } = this.#cycle;
    let still = 0;
    for (let moved = ''; ; ) {
      if (this.#signal.aborted) return interruption(this.#signal);
      const found = this.#obstacle() ?? (done() ? null : stuck());
      if (found) return found;
      if (done()) return null;
      const now = this.#movement();
      still = now === moved ? still + LIMITS.syncLookMs : 0;
      moved = now;
      if (still >= LIMITS.syncIdleMs) return this.#idle();
      await clock.sleep(LIMITS.syncLookMs, this.#signal).catch(() => {});
    }
  }

  end(): void {
    this.#release?.();
  }

  #obstacle(): SyncOutcome | null {
    const { connection, session, options, isCurrent } = this.#cycle;
    const { parts, window } = connection;
    const source = parts.partner.name;
    const { config, memory } = session.folder.core;
    if (!isCurrent()) return { result: 8463, sentence: 'the member reads its configuration again' };
    const closed = window.disabledThere || !window.isOpen(session.guid);
    if (hasOption(options, 'FORCE') && closed && !this.#release) {
      this.#attempts = connection.attempts;
      this.#release = window.demand(session.guid);
    }
    const link = {
      source,
      folder: config.name,
      enabled: parts.enabled,
      open: window.isOpen(session.guid),
      readOnly: session.folder.core.readOnly,
      stopped: connection.standingSentence(session),
      halt: memory.halt,
    };
    const refused = refuseLink(link, { options, folder: config.name, source });
    if (refused) return refused;
    const tried = connection.nextAttempt !== null && connection.attempts > this.#attempts;
    if (connection.failure && tried) {
      return { result: resultOfFailure(connection.failure.code), sentence: connection.failure.message };
    }
    if (connection.state !== 'online') return null;
    if (!connection.welcome?.folders.some(({ folder }) => folder === session.guid)) {
      return { result: 8452, sentence: `${source} does not replicate folder ${config.name}` };
    }
    if (session.latest && !servesAsSource(session.latest.state)) {
      return {
        result: 8456,
        sentence: `folder ${config.name} is no source on ${source}: its state is ${session.latest.state}`,
      };
    }
    return null;
  }

  /** Changes whenever anything does, and tells. */
  #movement(): string {
    const { connection, session, tell } = this.#cycle;
    const { core } = session.folder;
    if (session.latest) {
      const missing = countVersions(subtractVectors(session.latest.vector, core.store.vector));
      tell(`${missing} versions are missing, ${core.pending.size} updates on their way`, missing);
    }
    return [connection.state, core.vectorGeneration, core.pending.size, connection.fetcher.bytesReceived].join();
  }

  #idle(): SyncOutcome {
    const { core } = this.#cycle.session.folder;
    const waiting = core.pending.list()[0] ?? core.pending.listGivenUp()[0];
    const why = waiting
      ? `“${waiting.update.name}”: ${waiting.reason}`
      : `folder ${core.config.name} is ${core.publicState}`;
    return {
      result: 8477,
      sentence: `nothing has moved for ${LIMITS.syncIdleMs / 1000} s; replication goes on by itself when it can: ${why}`,
    };
  }
}

function interruption({ reason }: AbortSignal): SyncOutcome {
  return reason as SyncOutcome;
}
