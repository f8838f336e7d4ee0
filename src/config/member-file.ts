/** member.yaml and the group.yaml it names → the configuration of this member. */
import { resolve } from 'node:path';
import { parseAddress } from '../base/address.ts';
import { describeUnknown } from '../base/known-names.ts';
import { LIMITS } from '../base/limits.ts';
import { readCertificate } from './certificate.ts';
import type { GroupConfig, MemberConfig } from './config.ts';
import { parseGroup } from './group-file.ts';
import { memberSchema } from './member-schema.ts';
import { parseSchema } from './parse-schema.ts';
import { type Problem, throwProblems } from './problems.ts';
import { isWithin } from './root-checks.ts';
import { parseYaml, readConfigText, type YamlSource } from './yaml-source.ts';

export interface LoadedMember {
  readonly member: MemberConfig;
  readonly group: GroupConfig;
}

/** Who this host is by its identity directory; compared with what group.yaml says of the member. */
export interface OwnIdentity {
  readonly guid: string;
  /** PEM */
  readonly certificate: string;
}

/**
 * Reads and checks both files. CONFIG_UNREADABLE if one is missing, CONFIG_INVALID with all problems of the first
 * file that has any. With `identity`, group.yaml must pin just that for this member.
 */
export async function loadMember(home: string, identity?: OwnIdentity): Promise<LoadedMember> {
  const { member, source } = await readMember(home);
  const text = await readConfigText(
    member.groupFile,
    `copy the group’s file there from another member, or write it: every member has the same one (${source.file}, key group)`,
  );
  const { group, source: groupSource } = parseGroup(text, member.groupFile);
  if (!group.members.has(member.member)) {
    const known = group.members.keys();
    throwProblems([
      source.problem(
        ['member'],
        `${describeUnknown({ what: 'member', name: member.member, known })} in ${member.groupFile}`,
      ),
    ]);
  }
  throwProblems([
    ...checkHome(member, group, groupSource),
    ...(identity ? checkIdentity(member, group, { identity, source: groupSource }) : []),
  ]);
  return { member, group };
}

/** member.yaml alone, for programs that only need to find the daemon. */
export async function loadMemberFile(home: string): Promise<MemberConfig> {
  return (await readMember(home)).member;
}

async function readMember(home: string): Promise<{ member: MemberConfig; source: YamlSource }> {
  const directory = resolve(home);
  const file = resolve(directory, 'member.yaml');
  const text = await readConfigText(
    file,
    `“tandem init NAME --home ${directory} --listen HOST:PORT” makes a member there`,
  );
  return parseMember(text, { file, home: directory });
}

/** CONFIG_INVALID with all problems of `text`. `home` is absolute. */
function parseMember(
  text: string,
  where: { readonly file: string; readonly home: string },
): { member: MemberConfig; source: YamlSource } {
  const source = parseYaml(text, where.file);
  const content = parseSchema(memberSchema, source);
  const adminSocket = resolve(where.home, content.adminSocket);
  const nbd = parseNbd(content.nbd, where.home);
  throwProblems([
    ...checkSocketPath('adminSocket', adminSocket, source),
    ...(nbd?.kind === 'unix' ? checkSocketPath('nbd', nbd.path, source) : []),
  ]);
  const member: MemberConfig = {
    member: content.member,
    home: where.home,
    groupFile: resolve(where.home, content.group),
    listen: content.listen,
    adminSocket,
    nbd,
    nbdTls: content.nbdTls,
    outboundIdleMs: content.outboundIdle,
    spool: content.spool === undefined ? null : resolve(where.home, content.spool),
    logLevel: content.logLevel,
  };
  return { member, source };
}

function parseNbd(text: string, home: string): MemberConfig['nbd'] {
  if (text === 'off') return null;
  try {
    return { kind: 'tcp', address: parseAddress(text) };
  } catch {
    return { kind: 'unix', path: resolve(home, text) };
  }
}

function checkSocketPath(key: string, path: string, source: YamlSource): Problem[] {
  if (Buffer.byteLength(path) <= LIMITS.socketPathBytes) return [];
  const sentence = `the path ${path} is longer than the ${LIMITS.socketPathBytes} bytes a Unix socket can have; set ${key} to a shorter absolute path`;
  return [source.problem([key], sentence)];
}

/** A home inside a replicated folder would replicate the member's own key and database. */
function checkHome(member: MemberConfig, group: GroupConfig, source: YamlSource): Problem[] {
  const own = ['identity', 'database', 'volumes'].map(name => resolve(member.home, name));
  const problems: Problem[] = [];
  for (const folder of group.folders.values()) {
    const root = folder.members.get(member.member);
    if (root === undefined) continue;
    const path = ['folders', folder.name, 'members', member.member];
    if (isWithin(member.home, root)) {
      problems.push(source.problem(path, `${root} contains the member’s home ${member.home}; keep the two apart`));
    } else if (own.some(directory => isWithin(root, directory))) {
      problems.push(source.problem(path, `${root} is for Tandem’s own files; choose another directory`));
    }
  }
  return problems;
}

function checkIdentity(
  member: MemberConfig,
  group: GroupConfig,
  own: { identity: OwnIdentity; source: YamlSource },
): Problem[] {
  const pinned = group.members.get(member.member)!;
  const advice = `put in what “tandem init” printed for ${member.member} on this host, on every member`;
  const problems: Problem[] = [];
  if (pinned.guid !== own.identity.guid.toLowerCase()) {
    problems.push(
      own.source.problem(
        ['members', member.member, 'guid'],
        `this host’s identity has the GUID ${own.identity.guid}; ${advice}`,
      ),
    );
  }
  if (pinned.certificate !== readCertificate(own.identity.certificate)) {
    problems.push(
      own.source.problem(
        ['members', member.member, 'certificate'],
        `this is not the certificate of this host’s identity (${member.home}/identity); ${advice}`,
      ),
    );
  }
  return problems;
}
