/** What a partner holds of a folder, as it moves: asked over the connection on which its own changes arrive. */
import type { Clock } from '../base/clock.ts';
import { TandemError } from '../base/errors.ts';
import type { PartnerView } from '../model/arrival.ts';
import { servesAsSource } from '../replication/folder-core.ts';
import type { Member } from '../replication/member.ts';
import { connectionFrom, whyUnheard } from './backlog-records.ts';

export interface WatchedPartner {
  /** The member that runs now: another one after group.yaml was read again. */
  readonly member: () => Member;
  /** GUID of the folder. */
  readonly folder: string;
  readonly partner: string;
  readonly clock: Clock;
}

/** While the partner cannot be reached. */
const RETRY_MS = 500;

/** Until the signal. REFUSED where no connection brings the folder from the partner: then it tells nothing here. */
export async function* watchPartner(watched: WatchedPartner, signal: AbortSignal): AsyncGenerator<PartnerView> {
  const { folder: guid, partner, clock } = watched;
  while (!signal.aborted) {
    const member = watched.member();
    if (!member.running) {
      await clock.sleep(RETRY_MS, signal).catch(() => {});
      continue;
    }
    const folder = member.folders.get(guid);
    if (!folder) throw new TandemError('REFUSED', `${member.parts.name} no longer replicates the folder`);
    const connection = connectionFrom(member, folder, partner);
    if (!connection) {
      const why = whyUnheard(member, folder, partner);
      throw new TandemError('REFUSED', `${why}, so what ${partner} holds is not known here`);
    }
    let reason = `${partner} ended the connection`;
    try {
      for await (const event of connection.watchVectors(guid, signal)) {
        if (event.folder !== guid) continue;
        yield servesAsSource(event.state)
          ? { kind: 'vector', vector: event.vector }
          : { kind: 'not-serving', state: event.state };
      }
    } catch (error) {
      if (!(error instanceof TandemError) || error.code === 'INTERNAL') throw error;
      if (error.code !== 'CANCELLED') reason = error.message;
    }
    if (signal.aborted) return;
    yield { kind: 'silent', reason };
    await clock.sleep(RETRY_MS, signal).catch(() => {});
  }
}
