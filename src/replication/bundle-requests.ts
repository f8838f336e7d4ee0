/**
 * Requests for what a source has, and the answers to them, in the spool. Both are bundles like any other: signed, encrypted, and
 * harmless where they come late, twice or in another order. Whoever carries bundles away finds them there, or the spool is shared.
 */
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TandemError } from '../base/errors.ts';
import type { GroupMember } from '../config/config.ts';
import { coversVector, EMPTY_VECTOR } from '../model/version-vector.ts';
import { peekBundle } from '../peer/bundle-file.ts';
import { BUNDLE_SUFFIX, type BundleAsks, type BundleHeader } from '../peer/bundle-format.ts';
import { exportBundle } from './bundle-export.ts';
import type { Folder } from './folder.ts';
import type { Member } from './member.ts';

export interface SpoolBundle {
  readonly path: string;
  readonly header: BundleHeader;
}

/** Bundles of one member for another one, of one folder, the oldest first. What is none, or not all there yet, is left alone. */
export async function bundlesIn(
  spool: string,
  wanted: Pick<BundleHeader, 'folder' | 'from' | 'to'>,
): Promise<readonly SpoolBundle[]> {
  const names = (await readdir(spool)).filter(name => name.endsWith(BUNDLE_SUFFIX));
  const found: SpoolBundle[] = [];
  for (const name of names) {
    const path = join(spool, name);
    const header = await peekBundle(path).catch((error: unknown) => {
      if (error instanceof TandemError) return null;
      throw error;
    });
    const { folder, from, to } = wanted;
    if (header?.folder === folder && header.from === from && header.to === to) found.push({ path, header });
  }
  return found.sort((a, b) => a.header.time - b.header.time);
}

export interface Correspondence {
  readonly member: Member;
  readonly folder: Folder;
  readonly partner: GroupMember;
  readonly spool: string;
  /** Of this member, PEM. */
  readonly key: string;
}

/** Asks for what is lacking here, or for everything there is. Answers what was done, for people; '' if nothing can be asked. */
export async function askSource(of: Correspondence, asks: BundleAsks, signal: AbortSignal): Promise<string> {
  const { partner, spool } = of;
  if ((await sent(of)).some(({ header }) => header.asks !== 'nothing'))
    return `a request to ${partner.name} lies there already`;
  return (await send(of, { asks, full: false }, signal)) ? `a request to ${partner.name} was put into ${spool}` : '';
}

/** Answers a request, unless an answer that has all of it lies there already. */
export async function answerRequest(
  of: Correspondence,
  { asks, holds }: Pick<BundleHeader, 'asks' | 'holds'>,
  signal: AbortSignal,
): Promise<void> {
  if (asks === 'nothing') return;
  const full = asks === 'everything';
  const known = full ? EMPTY_VECTOR : holds;
  const { vector } = of.folder.core.store;
  // By what they have, not by their times: the two members’ clocks may differ.
  const isAnswer = ({ header }: SpoolBundle): boolean =>
    header.asks === 'nothing' && coversVector(header.holds, vector) && coversVector(known, header.left);
  if ((await sent(of)).some(isAnswer)) return;
  await send(of, { asks: 'nothing', full }, signal);
}

function sent({ member, folder, partner, spool }: Correspondence): Promise<readonly SpoolBundle[]> {
  return bundlesIn(spool, { folder: folder.core.config.guid, from: member.guid, to: partner.guid });
}

/** False: no connection leads there. */
async function send(
  { member, folder, partner, spool, key }: Correspondence,
  { asks, full }: { readonly asks: BundleAsks; readonly full: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  const { name, group } = member.parts;
  const connection = group.connections.find(({ from, to }) => from === name && to === partner.name);
  if (!connection) return false;
  const path = join(spool, `${randomUUID()}${BUNDLE_SUFFIX}`);
  await exportBundle(member, { folder, partner, connection, full, asks, path, key }, signal, () => {});
  return true;
}
