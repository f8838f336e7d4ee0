/**
 * INTERSITE_MESSAGING of ReplicaSync: the transport is whoever carries bundles into the spool directory. What waits there of a
 * source is taken in, the oldest first, and removed when all of it has been dealt with. [dfsr.md §7.1]
 */
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, TandemError } from '../base/errors.ts';
import { hasOption, refuseLink, refuseMessaging, resultOfFailure, type SyncOutcome } from '../model/replica-sync.ts';
import { peekBundle } from '../peer/bundle-file.ts';
import { BUNDLE_SUFFIX, type BundleHeader } from '../peer/bundle-format.ts';
import { importBundle } from './bundle-import.ts';
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
    const waiting = await waitingIn(spool, {
      folder: session.guid,
      from: connection.parts.partner.guid,
      to: member.guid,
    });
    if (waiting.length === 0)
      return {
        result: 8477,
        sentence: `no bundle of ${source} for folder ${folder} waits in ${spool}`,
        nothingWaits: true,
      };
    const failures: SyncOutcome[] = [];
    let updates = 0;
    for (const path of waiting) {
      const full = hasOption(options, 'FULL');
      const taken = await member
        .beside(signal, both => importBundle(member, { path, full, key: order.key }, both, tell))
        .catch((error: unknown) => failureOf(error, signal));
      if (signal.aborted) return signal.reason as SyncOutcome;
      if ('result' in taken) failures.push(taken);
      else if (taken.unfinished !== null) failures.push({ result: 8477, sentence: taken.unfinished });
      else await unlink(path);
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

/** Paths of the bundles that a source made of a folder for this member, the oldest first. What is none, or not all there yet, is left alone. */
async function waitingIn(
  spool: string,
  wanted: Pick<BundleHeader, 'folder' | 'from' | 'to'>,
): Promise<readonly string[]> {
  const names = (await readdir(spool)).filter(name => name.endsWith(BUNDLE_SUFFIX));
  const found: { readonly path: string; readonly header: BundleHeader }[] = [];
  for (const name of names) {
    const path = join(spool, name);
    const header = await peekBundle(path).catch((error: unknown) => {
      if (error instanceof TandemError) return null;
      throw error;
    });
    const { folder, from, to } = wanted;
    if (header?.folder === folder && header.from === from && header.to === to) found.push({ path, header });
  }
  return found.sort((a, b) => a.header.time - b.header.time).map(({ path }) => path);
}
