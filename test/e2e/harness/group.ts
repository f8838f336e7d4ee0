/** A replication group of members on this host, each a daemon of its own, with the network between them in the test's hands. */

import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMember, type Member } from './member.ts';
import { findFreePort, startProxy, type TcpProxy } from './proxy.ts';
import { compareTrees, describeDifferences, type Manifest, readTree } from './tree.ts';
import { Hopeless, until } from './until.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

export interface GroupOptions {
  readonly label?: string;
  readonly members: readonly string[];
  /** Keys of a folder in group.yaml but `guid` and `members`, by folder name. Without: one folder `docs`, no primary. */
  readonly folders?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Sender and receiver of each connection; without: full mesh. */
  readonly connections?: readonly (readonly [from: string, to: string])[];
  /** Puts a proxy before each member for each of its callers. */
  readonly proxied?: boolean;
  /** Roots elsewhere than in the workspace, by `member/folder`. */
  readonly roots?: Readonly<Record<string, string>>;
  readonly workspace?: Workspace;
  /** The daemons may outlive this process. */
  readonly detached?: boolean;
  /** Other builds of the program, by the member whose daemon runs them. */
  readonly programs?: Readonly<Record<string, string>>;
}

export interface Group {
  readonly workspace: Workspace;
  readonly members: readonly Member[];
  readonly groupFile: GroupFile;
  member(name: string): Member;
  /** The proxy through which `caller` reaches `callee`. */
  proxy(caller: string, callee: string): TcpProxy;
  /** All proxies between the members of one side and all others. */
  border(side: readonly string[]): TcpProxy[];
  /** Writes each member's copy of group.yaml anew, changed by `edit` where given; running daemons learn of it by SIGHUP. */
  writeGroupFile(edit?: (file: GroupFile, member: string) => void): void;
  start(): Promise<void>;
  /** Waits until the folder is byte for byte the same on these members (default all), and gives what it holds. */
  identical(options?: IdenticalOptions): Promise<Manifest>;
  /** Ends all daemons and removes every trace. */
  dispose(): Promise<void>;
}

export interface IdenticalOptions {
  readonly folder?: string;
  readonly members?: readonly string[];
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** group.yaml as data. YAML takes JSON as it is. */
export interface GroupFile {
  group: Record<string, unknown>;
  members: Record<string, { guid: string; address: string; certificate: string }>;
  connections: 'full-mesh' | Record<string, unknown>[];
  folders: Record<string, Record<string, unknown>>;
}

export async function createGroup(options: GroupOptions): Promise<Group> {
  const workspace = options.workspace ?? createWorkspace(options.label ?? 'e2e');
  const folders = options.folders ?? { docs: {} };
  const members: Member[] = [];
  const proxies = new Map<string, TcpProxy>();
  const dispose = async (): Promise<void> => {
    await Promise.all(members.filter(member => member.running).map(member => member.kill()));
    await Promise.all([...proxies.values()].map(proxy => proxy.close()));
    workspace.remove();
  };

  try {
    members.push(...(await Promise.all(options.members.map(name => makeMember(name)))));
    if (options.proxied === true) await makeProxies();
  } catch (error) {
    await dispose();
    throw error;
  }

  async function makeMember(name: string): Promise<Member> {
    const directory = join(workspace.path, name);
    const roots = Object.fromEntries(
      Object.keys(folders).map(folder => [
        folder,
        options.roots?.[`${name}/${folder}`] ?? join(directory, 'folders', folder),
      ]),
    );
    for (const root of Object.values(roots)) mkdirSync(root, { recursive: true });
    return createMember({
      name,
      directory,
      port: await findFreePort(),
      roots,
      detached: options.detached ?? false,
      program: options.programs?.[name],
    });
  }

  async function makeProxies(): Promise<void> {
    for (const caller of members) {
      for (const callee of members) {
        if (caller !== callee)
          proxies.set(`${caller.name}>${callee.name}`, await startProxy({ host: '127.0.0.1', port: callee.port }));
      }
    }
  }

  const groupFile: GroupFile = {
    group: { name: 'test', guid: randomUUID() },
    members: Object.fromEntries(
      members.map(({ name, identity }) => [
        name,
        { guid: identity.guid, address: identity.address, certificate: identity.certificate },
      ]),
    ),
    connections: options.connections?.map(([from, to]) => ({ from, to })) ?? 'full-mesh',
    folders: Object.fromEntries(
      Object.entries(folders).map(([folder, keys]) => [
        folder,
        {
          guid: randomUUID(),
          members: Object.fromEntries(members.map(member => [member.name, member.roots[folder]!])),
          ...keys,
        },
      ]),
    ),
  };

  const memberNamed = (name: string): Member => {
    const found = members.find(member => member.name === name);
    if (found === undefined) throw new Error(`no member ${name} in this group`);
    return found;
  };
  const writeGroupFile = (edit?: (file: GroupFile, member: string) => void): void => {
    for (const member of members) {
      const copy = structuredClone(groupFile);
      for (const [name, entry] of Object.entries(copy.members)) {
        const proxy = proxies.get(`${member.name}>${name}`);
        if (proxy !== undefined) entry.address = `127.0.0.1:${proxy.port}`;
      }
      edit?.(copy, member.name);
      writeFileSync(join(member.home, 'group.yaml'), `${JSON.stringify(copy, null, 2)}\n`);
    }
  };
  writeGroupFile();

  return {
    workspace,
    members,
    groupFile,
    member: memberNamed,
    proxy: (caller, callee) => {
      const found = proxies.get(`${caller}>${callee}`);
      if (found === undefined) throw new Error(`no proxy from ${caller} to ${callee}: is the group proxied?`);
      return found;
    },
    border: side =>
      [...proxies]
        .filter(([pair]) => pair.split('>').filter(name => side.includes(name)).length === 1)
        .map(([, proxy]) => proxy),
    writeGroupFile,
    start: async () => {
      await Promise.all(members.filter(member => !member.running).map(member => member.start()));
    },
    identical: wanted => waitIdentical(wanted?.members?.map(memberNamed) ?? members, wanted ?? {}),
    dispose,
  };
}

/** Looks are compared until they agree, then contents: a tree that is the same in names, sizes and times is read once. */
async function waitIdentical(members: readonly Member[], options: IdenticalOptions): Promise<Manifest> {
  const rootOf = (member: Member): string =>
    options.folder === undefined ? member.root : member.roots[options.folder]!;
  const differences = (contents: boolean): { first: Manifest; text: string } => {
    const [first, ...others] = members.map(member => readTree(rootOf(member), { contents }));
    const texts = others.map((other, index) => {
      const found = compareTrees(first!, other);
      return found.length === 0
        ? ''
        : `${members[0]!.name} (left) and ${members[index + 1]!.name} (right) differ:\n${describeDifferences(found)}`;
    });
    return { first: first!, text: texts.filter(text => text !== '').join('\n') };
  };
  return until(
    `${members.map(member => member.name).join(', ')} are identical`,
    () => {
      const dead = members.find(member => !member.running);
      if (dead !== undefined) throw new Hopeless(`${dead.name}'s daemon does not run`);
      if (differences(false).text !== '') return null;
      const thorough = differences(true);
      return thorough.text === '' ? thorough.first : null;
    },
    {
      timeoutMs: options.timeoutMs ?? 30_000,
      everyMs: options.everyMs ?? 100,
      explain: async () => [differences(true).text, ...(await Promise.all(members.map(explainMember)))].join('\n'),
    },
  );
}

async function explainMember(member: Member): Promise<string> {
  const status = member.running ? await member.tandem('status').then(ran => ran.stdout + ran.stderr) : 'not running';
  const updates = member.running ? await member.tandem('update', 'list').then(ran => ran.stdout + ran.stderr) : '';
  return `--- ${member.name}: status\n${status}\n${updates}\n--- ${member.name}: end of the log\n${member.log()}`;
}
