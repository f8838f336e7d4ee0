/** What only shows when the keys of group.yaml are seen together: names that must exist, values that must differ. */

import { formatAddress } from '../base/address.ts';
import { messageOf } from '../base/errors.ts';
import { describeUnknown } from '../base/known-names.ts';
import { readCertificate } from './certificate.ts';
import type { GroupFile } from './group-schema.ts';
import { faultOfName } from './names.ts';
import type { Problem } from './problems.ts';
import { checkRoots } from './root-checks.ts';
import { formatKey, type KeyPath, type YamlSource } from './yaml-source.ts';

export interface CheckedGroup {
  readonly problems: readonly Problem[];
  /** Certificates in normal form by member name. */
  readonly certificates: ReadonlyMap<string, string>;
  /** Normalised root directories by folder name and member name. */
  readonly roots: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function checkGroup(content: GroupFile, source: YamlSource): CheckedGroup {
  const certificates = readCertificates(content, source);
  const roots = checkRoots(content, source);
  const problems = [
    ...checkNames(content, source),
    ...certificates.problems,
    ...checkDistinct(content, certificates.pemByMember, source),
    ...checkConnections(content, source),
    ...checkFolderMembers(content, source),
    ...roots.problems,
  ];
  return { problems, certificates: certificates.pemByMember, roots: roots.rootsByFolder };
}

function checkNames(content: GroupFile, source: YamlSource): Problem[] {
  const problems: Problem[] = [];
  const check = (path: KeyPath, name: string, place: 'key' | 'value') => {
    const fault = faultOfName(name);
    if (fault !== null) problems.push(place === 'key' ? source.keyProblem(path, fault) : source.problem(path, fault));
  };
  check(['group', 'name'], content.group.name, 'value');
  for (const name of Object.keys(content.members)) check(['members', name], name, 'key');
  for (const name of Object.keys(content.folders)) check(['folders', name], name, 'key');
  if (Object.keys(content.members).length === 0) {
    problems.push(
      source.keyProblem(['members'], 'a group needs at least one member; “tandem init NAME” prints what to put here'),
    );
  }
  return problems;
}

function readCertificates(content: GroupFile, source: YamlSource) {
  const pemByMember = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [name, member] of Object.entries(content.members)) {
    try {
      pemByMember.set(name, readCertificate(member.certificate));
    } catch (error) {
      problems.push(source.problem(['members', name, 'certificate'], messageOf(error)));
    }
  }
  return { pemByMember, problems };
}

/** GUIDs, addresses and certificates each name one thing only. */
function checkDistinct(content: GroupFile, pemByMember: ReadonlyMap<string, string>, source: YamlSource): Problem[] {
  const problems: Problem[] = [];
  const makeRegister = (what: string, advice: string) => {
    const first = new Map<string, KeyPath>();
    return (value: string, path: KeyPath) => {
      const other = first.get(value);
      if (other === undefined) first.set(value, path);
      else
        problems.push(
          source.problem(
            path,
            `this ${what} already stands at ${source.place(other)} (${formatKey(other)}); ${advice}`,
          ),
        );
    };
  };
  const guid = makeRegister('GUID', 'each thing needs its own: “uuidgen” makes one');
  const address = makeRegister('address', 'each member needs its own host or port');
  const certificate = makeRegister('certificate', 'each member needs its own: run “tandem init” on each host');
  guid(content.group.guid, ['group', 'guid']);
  for (const [name, member] of Object.entries(content.members)) {
    guid(member.guid, ['members', name, 'guid']);
    address(formatAddress(member.address).toLowerCase(), ['members', name, 'address']);
    const pem = pemByMember.get(name);
    if (pem !== undefined) certificate(pem, ['members', name, 'certificate']);
  }
  if (content.connections !== 'full-mesh') {
    content.connections.forEach((connection, index) => {
      if (connection.guid !== undefined) guid(connection.guid, ['connections', index, 'guid']);
    });
  }
  for (const [name, folder] of Object.entries(content.folders)) guid(folder.guid, ['folders', name, 'guid']);
  return problems;
}

function checkConnections(content: GroupFile, source: YamlSource): Problem[] {
  if (content.connections === 'full-mesh') return [];
  const problems: Problem[] = [];
  const known = Object.keys(content.members);
  const first = new Map<string, number>();
  content.connections.forEach(({ from, to }, index) => {
    for (const [end, name] of [
      ['from', from],
      ['to', to],
    ] as const) {
      if (!known.includes(name))
        problems.push(source.problem(['connections', index, end], describeUnknown({ what: 'member', name, known })));
    }
    if (from === to)
      problems.push(source.problem(['connections', index, 'to'], 'a connection joins two different members'));
    const pair = JSON.stringify([from, to]);
    const other = first.get(pair);
    if (other === undefined) first.set(pair, index);
    else
      problems.push(
        source.problem(
          ['connections', index],
          `the connection from ${from} to ${to} already stands at ${source.place(['connections', other])}; remove one of the two`,
        ),
      );
  });
  return problems;
}

function checkFolderMembers(content: GroupFile, source: YamlSource): Problem[] {
  const problems: Problem[] = [];
  const known = Object.keys(content.members);
  for (const [name, folder] of Object.entries(content.folders)) {
    const members = Object.keys(folder.members);
    if (members.length === 0)
      problems.push(source.problem(['folders', name, 'members'], 'a folder needs at least one member'));
    for (const member of members) {
      if (!known.includes(member)) {
        problems.push(
          source.keyProblem(
            ['folders', name, 'members', member],
            describeUnknown({ what: 'member', name: member, known }),
          ),
        );
      }
    }
    if (folder.primary !== undefined && !members.includes(folder.primary)) {
      problems.push(
        source.problem(
          ['folders', name, 'primary'],
          `the primary has to be one of the folder’s members: ${members.join(', ')}`,
        ),
      );
    }
    folder.readOnly.forEach((member, index) => {
      const path: KeyPath = ['folders', name, 'readOnly', index];
      if (!members.includes(member))
        problems.push(
          source.problem(path, describeUnknown({ what: 'member of the folder', name: member, known: members })),
        );
      else if (member === folder.primary)
        problems.push(source.problem(path, `${member} is the primary: its content is to reach the others`));
    });
  }
  return problems;
}
