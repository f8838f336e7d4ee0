/** The other members of the group as the mirrors of volumes need them: a link to each, and what its bandwidth schedule allows. */
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../base/log.ts';
import { systemClock, systemZone } from '../base/system-clock.ts';
import type { GroupMember } from '../config/config.ts';
import type { LoadedMember } from '../config/member-file.ts';
import { LEVEL_FULL } from '../model/bandwidth.ts';
import { levelAt } from '../model/schedule.ts';
import { createPeerLink } from '../peer/grpc-link.ts';
import type { Identity } from '../peer/identity.ts';
import type { MirrorLink } from '../peer/link.ts';

export interface VolumePartners {
  /** Null: there is no such member now. */
  linkTo(member: string): MirrorLink | null;
  /** Bandwidth level of what goes there now; of the connection in that direction, full without one. */
  levelTo(member: string): number;
  close(): void;
}

export interface VolumePartnersParts {
  readonly loaded: () => LoadedMember;
  readonly identity: Identity;
  readonly log: Log;
}

export function createVolumePartners({ loaded, identity, log }: VolumePartnersParts): VolumePartners {
  const links = new Map<string, { readonly partner: GroupMember; readonly link: MirrorLink }>();
  return {
    linkTo: name => {
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
