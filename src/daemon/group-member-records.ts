/** Records of the group’s members: what group.yaml says, and what those that were connected have told of themselves. */
import { toDatetime } from '../admin/records/column.ts';
import type { GroupMemberRecord } from '../admin/records/group-member.ts';
import { formatAddress } from '../base/address.ts';
import type { Member } from '../replication/member.ts';

/** This member first. */
export function groupMemberRecords({ parts, inbound }: Member, now: number): GroupMemberRecord[] {
  const { group } = parts;
  const records = [...group.members.values()].map(member => {
    const IsLocal = member.name === parts.name;
    const link = inbound.find(connection => connection.parts.partner.name === member.name && connection.welcome);
    const told = link?.welcome ?? null;
    const digest = IsLocal ? group.digest : (told?.configDigest ?? null);
    const contact = IsLocal ? now : link?.state === 'online' ? now : (link?.lastOnline ?? null);
    const ahead = told && link?.lastOnline ? Math.abs(Math.round(told.now - link.lastOnline)) : null;
    return {
      MemberName: member.name,
      MemberGuid: member.guid,
      Address: formatAddress(member),
      IsLocal,
      SoftwareVersion: IsLocal ? parts.software : (told?.software ?? null),
      ConfigDigest: digest,
      ConfigDiffers: digest === null ? null : digest !== group.digest,
      ClockAheadInMilliseconds: IsLocal ? 0 : ahead,
      LastContactTime: toDatetime(contact),
    };
  });
  return records.sort((a, b) => Number(b.IsLocal) - Number(a.IsLocal));
}
