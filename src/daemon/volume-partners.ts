/** The other members of the group as the mirrors of volumes need them: a link to each, and what its bandwidth schedule allows. */
import { isDeepStrictEqual } from 'node:util';
import { TandemError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { systemClock, systemZone } from '../base/system-clock.ts';
import type { GroupMember } from '../config/config.ts';
import type { LoadedMember } from '../config/member-file.ts';
import { LEVEL_FULL } from '../model/bandwidth.ts';
import { levelAt } from '../model/schedule.ts';
import { createPeerLink } from '../peer/grpc-link.ts';
import type { Identity } from '../peer/identity.ts';
import type { MirrorLink, PeerLink } from '../peer/link.ts';

export interface VolumePartners {
  /** Null: there is no such member now. */
  linkTo(member: string): MirrorLink | null;
  /** Bandwidth level of what goes there now; of the connection in that direction, full without one. */
  levelTo(member: string): number;
  /** All of them, as they are in group.yaml now. */
  list(): readonly { readonly name: string; readonly address: string }[];
  /** Resolves when the member has answered. As PeerLink. */
  ask(member: string, signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface VolumePartnersParts {
  readonly loaded: () => LoadedMember;
  readonly identity: Identity;
  readonly log: Log;
}

const UNANSWERED: ReadonlySet<string> = new Set(['PEER_UNREACHABLE', 'PEER_UNTRUSTED', 'CANCELLED']);

export function createVolumePartners({ loaded, identity, log }: VolumePartnersParts): VolumePartners {
  const links = new Map<string, { readonly partner: GroupMember; readonly link: PeerLink }>();
  const linkTo = (name: string): PeerLink | null => {
    const partner = loaded().group.members.get(name);
    const there = links.get(name);
    if (there !== undefined && isDeepStrictEqual(there.partner, partner)) return there.link;
    there?.link.close();
    links.delete(name);
    if (partner === undefined) return null;
    // What a copy may take is kept by the copy itself.
    const link = createPeerLink({ partner, identity, log, pacer: null });
    links.set(name, { partner, link });
    return link;
  };
  return {
    linkTo,
    list: () => {
      const { group, member } = loaded();
      return [...group.members.values()]
        .filter(({ name }) => name !== member.member)
        .map(({ name, host, port }) => ({ name, address: `${host}:${port}` }));
    },
    ask: async (name, signal) => {
      const { group } = loaded();
      const link = linkTo(name);
      if (link === null) throw new TandemError('NOT_FOUND', `${name} is no member of the group`);
      // Any answer will do, also that there is no such connection.
      await link.checkConnectivity({ group: group.guid, connection: group.guid }, signal).catch(error => {
        if (!(error instanceof TandemError) || UNANSWERED.has(error.code)) throw error;
      });
    },
    levelTo: name => {
      const { group, member } = loaded();
      const connection = [...group.connections.values()].find(({ from, to }) => from === member.member && to === name);
      return connection === undefined ? LEVEL_FULL : levelAt(connection.schedule, systemClock.now(), systemZone);
    },
    close: () => {
      for (const { link } of links.values()) link.close();
    },
  };
}
