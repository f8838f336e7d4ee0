/**
 * INTERSITE_MESSAGING of ReplicaSync: the transport is whoever carries bundles into the spool directory. What waits there of a
 * source is taken in, the oldest first, and removed when all of it has been dealt with. [dfsr.md §7.1]
 */
import { unlink } from 'node:fs/promises';
import { messageOf, TandemError } from '../base/errors.ts';
import { hasOption, refuseLink, refuseMessaging, resultOfFailure, type SyncOutcome } from '../model/replica-sync.ts';
import { importBundle } from './bundle-import.ts';
import { answerRequest, askSource, bundlesIn } from './bundle-requests.ts';
import type { InboundConnection } from './inbound-connection.ts';
import type { InboundSession } from './inbound-session.ts';
import type { Member } from './member.ts';
import type { TellProgress } from './replica-cycle.ts';

export interface Messaging {
  readonly member: Member;
  readonly connection: InboundConnection;
  readonly session: InboundSession;
  readonly options: number;
  /** Null: member.yaml names none. */
  readonly spool: string | null;
  /** Of this member, PEM. */
  readonly key: string;
  readonly tell: TellProgress;
}

/** Rejects only with what must stop the member. The signal is aborted with the outcome as its reason. */
export async function takeMessages(order: Messaging, signal: AbortSignal): Promise<SyncOutcome> {
  const { member, connection, session, options, spool, tell } = order;
  const { core } = session.folder;
  const source = connection.parts.partner.name;
  const folder = core.config.name;
  const unsupported = refuseMessaging(options, spool);
  if (unsupported || spool === null) return unsupported!;
  const link = {
    source,
    folder,
    enabled: connection.parts.enabled,
    open: true,
    readOnly: core.readOnly,
    stopped: connection.standingSentence(session),
    halt: core.memory.halt,
  };
  const refused = refuseLink(link, { options, folder, source });
  if (refused) return refused;
  try {
    const waiting = await bundlesIn(spool, {
      folder: session.guid,
      from: connection.parts.partner.guid,
      to: member.guid,
    });
    const partner = member.parts.group.members.get(source)!;
    const correspondence = { member, folder: session.folder, partner, spool, key: order.key };
    const full = hasOption(options, 'FULL');
    if (waiting.length === 0) {
      // Who looks now and then takes in what comes; who orders it wants something to come.
      const asked = hasOption(options, 'PERIODIC')
        ? ''
        : await member.beside(signal, both => askSource(correspondence, full ? 'everything' : 'lacking', both));
      const none = `no bundle of ${source} for folder ${folder} waits in ${spool}`;
      return { result: 8477, sentence: asked === '' ? none : `${none}; ${asked}`, nothingWaits: true };
    }
    const failures: SyncOutcome[] = [];
    let updates = 0;
    for (const { path, header } of waiting) {
      const taken = await member
        .beside(signal, both => importBundle(member, { path, full, key: order.key }, both, tell))
        .catch((error: unknown) => failureOf(error, signal));
      if (signal.aborted) return signal.reason as SyncOutcome;
      if ('result' in taken) failures.push(taken);
      else if (taken.unfinished !== null) failures.push({ result: 8477, sentence: taken.unfinished });
      else {
        // The header was believed when the bundle was taken in.
        const failed = await member
          .beside(signal, both => answerRequest(correspondence, header, both))
          .then(
            () => null,
            (error: unknown) => failureOf(error, signal),
          );
        if (failed) failures.push(failed);
        else await unlink(path);
      }
      if ('updates' in taken) updates += taken.updates;
    }
    const bundles = waiting.length === 1 ? '1 bundle' : `${waiting.length} bundles`;
    const sentence = `folder ${folder} has all that ${bundles} of ${source} brought: ${updates} updates`;
    return failures[0] ?? { result: 0, sentence };
  } catch (error) {
    return failureOf(error, signal);
  }
}

function failureOf(error: unknown, signal: AbortSignal): SyncOutcome {
  if (signal.aborted) return signal.reason as SyncOutcome;
  if (error instanceof TandemError) {
    if (error.reaction === 'stop-member') throw error;
    // The member reads its configuration again.
    if (error.code === 'CANCELLED') return { result: 8463, sentence: error.message };
    return { result: resultOfFailure(error.code), sentence: error.message };
  }
  return { result: 8436, sentence: `the spool cannot be used: ${messageOf(error)}` };
}
