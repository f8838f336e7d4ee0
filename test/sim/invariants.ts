/** What must hold of a group of members once they have come to rest. */
import { compileFilter } from '../../src/model/filters.ts';
import type { FileRecord } from '../../src/model/update.ts';
import type { Uid } from '../../src/model/version.ts';
import { equalVectors, type VersionVector } from '../../src/model/version-vector.ts';
import type { Ledger } from './ledger.ts';
import type { SnapshotEntry } from './memory-user.ts';
import { SIM_ROOT, type SimMember } from './sim-member.ts';

export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

export function checkInvariant(name: string, holds: boolean, detail: () => string): void {
  if (!holds) throw new Violation(name, detail());
}

export async function checkAll(members: readonly SimMember[], ledger: Ledger): Promise<void> {
  checkTrees(members);
  checkContents(members, ledger);
  await checkRecords(members);
  await checkLeftovers(members);
}

/** A tree as text: equal texts, equal trees. */
export function describeTree(tree: ReadonlyMap<string, SnapshotEntry>): Map<string, string> {
  return new Map(
    [...tree].map(([path, entry]) => {
      const { kind, mode, mtimeNs, content, target } = entry;
      if (kind === 'symlink') return [path, `symlink to ${target}`];
      if (kind === 'directory') return [path, `directory ${mode.toString(8)}`];
      return [
        path,
        `${kind} ${mode.toString(8)} ${mtimeNs / 1000n} ${content.length} ${JSON.stringify(content.slice(0, 40))} ${sum(content)}`,
      ];
    }),
  );
}

export function differences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort();
  return paths.flatMap(path =>
    a.get(path) === b.get(path)
      ? []
      : [`${JSON.stringify(path)}: ${a.get(path) ?? 'nothing'} | ${b.get(path) ?? 'nothing'}`],
  );
}

export function checkTrees(members: readonly SimMember[]): void {
  const [first, ...others] = members.map(member => ({ name: member.name, tree: describeTree(treeOf(member)) }));
  for (const other of others) {
    const found = differences(first!.tree, other.tree);
    checkInvariant(
      'trees-equal',
      found.length === 0,
      () => `${first!.name} | ${other.name}\n    ${found.slice(0, 12).join('\n    ')}`,
    );
  }
}

export function checkContents(members: readonly SimMember[], ledger: Ledger): void {
  const present = new Set<string>();
  for (const member of members) {
    for (const [path, { kind, content }] of everythingOf(member)) {
      if (kind !== 'file') continue;
      present.add(content);
      checkInvariant(
        'nothing-invented',
        ledger.knows(content),
        () =>
          `${member.name} “${path}” holds what nobody wrote: ${JSON.stringify(content.slice(0, 60))} (${content.length} bytes)`,
      );
    }
    for (const entry of preservedOf(member)) present.add(entry.content);
  }
  const missing = ledger.missing(present);
  checkInvariant('nothing-lost', missing.length === 0, () => missing.slice(0, 5).join('; '));
}

export function vectorsOf(members: readonly SimMember[]): VersionVector[] {
  return members.map(member => coreOf(member).store.vector);
}

/** For comparison by eye and by string. */
export function vectorText(vector: VersionVector): string {
  return [...vector]
    .map(([database, list]) => `${database.slice(0, 4)}:${list.join(',')}`)
    .sort()
    .join(' ');
}

async function checkRecords(members: readonly SimMember[]): Promise<void> {
  const vectors = vectorsOf(members);
  checkInvariant(
    'vectors-equal',
    vectors.every(vector => equalVectors(vector, vectors[0]!)),
    () => vectors.map((vector, i) => `${members[i]!.name} ${vectorText(vector)}`).join('\n    '),
  );
  const tables = await Promise.all(members.map(recordsOf));
  for (const [i, table] of tables.entries()) {
    const name = members[i]!.name;
    for (const [uid, record] of table) {
      checkInvariant('nothing-provisional', !record.provisional, () => `${name} keeps “${record.name}” to itself`);
      const other = tables[0]!.get(uid);
      checkInvariant(
        'records-agree',
        other?.gvsn === record.gvsn,
        () =>
          `“${record.name}” ${uid}: ${name} has ${short(record)}, ${members[0]!.name} ${other ? short(other) : 'nothing'}`,
      );
    }
    checkInvariant(
      'records-agree',
      table.size === tables[0]!.size,
      () => `${name} has ${table.size} records, ${members[0]!.name} ${tables[0]!.size}`,
    );
    checkPaths(name, table, treeOf(members[i]!), coreOf(members[i]!).root);
  }
}

/** The present records are the tree, no more and no less. */
function checkPaths(
  name: string,
  table: ReadonlyMap<Uid, FileRecord>,
  tree: ReadonlyMap<string, SnapshotEntry>,
  root: Uid,
): void {
  const pathOf = (record: FileRecord, depth = 0): string | null => {
    if (record.parent === root) return record.name;
    const parent = table.get(record.parent);
    if (!parent?.present || depth > 100) return null;
    const above = pathOf(parent, depth + 1);
    return above === null ? null : `${above}/${record.name}`;
  };
  const paths = new Set<string>();
  for (const record of table.values()) {
    if (!record.present) continue;
    const path = pathOf(record);
    checkInvariant(
      'records-are-the-tree',
      path !== null,
      () => `on ${name} “${record.name}” ${record.uid} has no present parent`,
    );
    checkInvariant('records-are-the-tree', !paths.has(path!), () => `on ${name} two records have the name “${path}”`);
    paths.add(path!);
    checkInvariant(
      'records-are-the-tree',
      tree.get(path!)?.kind === record.kind,
      () => `on ${name} “${path}” is recorded as ${record.kind} but is ${tree.get(path!)?.kind ?? 'nothing'}`,
    );
  }
  for (const path of tree.keys())
    checkInvariant('records-are-the-tree', paths.has(path), () => `on ${name} “${path}” has no record`);
}

async function checkLeftovers(members: readonly SimMember[]): Promise<void> {
  for (const member of members) {
    const core = coreOf(member);
    const pending = core.pending.list();
    checkInvariant(
      'nothing-pending',
      pending.length === 0,
      () => `${member.name}: ${pending.map(item => `“${item.update.name}” ${item.stage}: ${item.reason}`).join('; ')}`,
    );
    const givenUp = core.pending.listGivenUp();
    checkInvariant(
      'nothing-given-up',
      givenUp.length === 0,
      () => `${member.name}: ${givenUp.map(item => `“${item.update.name}”: ${item.reason}`).join('; ')}`,
    );
    const [obstacle] = core.obstacles.standing;
    checkInvariant('no-obstacles', obstacle === undefined, () => `${member.name}: ${obstacle?.sentence}`);
    checkInvariant('orders-end', core.memory.fencing === null, () => `${member.name} has not ended an order to fence`);
    const intents = await core.store.intents();
    checkInvariant('no-intents', intents.length === 0, () => `${member.name} has ${intents.length} intents left`);
    for (const area of ['staging', 'aside']) {
      // Partial files stay for a day, so that a transfer that broke off can be resumed.
      const names = member.files.user
        .list(`${SIM_ROOT}/.tandem/${area}`)
        .filter(name => !String(name).endsWith(',part'));
      checkInvariant(
        'areas-empty',
        names.length === 0,
        () => `${member.name} .tandem/${area} holds ${names.join(', ')}`,
      );
    }
  }
}

/** All that is replicated. */
export function treeOf(member: SimMember): Map<string, SnapshotEntry> {
  const [folder] = member.options.group.folders.values();
  const filter = compileFilter(folder!.filters);
  const isExcluded = (name: string): boolean => filter.excludesFile(name) || filter.excludesDirectory(name);
  return new Map([...everythingOf(member)].filter(([path]) => !path.split('/').some(isExcluded)));
}

function everythingOf(member: SimMember): Map<string, SnapshotEntry> {
  return member.files.user.snapshot(SIM_ROOT);
}

export function preservedOf(member: SimMember): SnapshotEntry[] {
  return ['conflicts', 'pre-existing'].flatMap(area => {
    const path = `${SIM_ROOT}/.tandem/${area}`;
    return member.files.user.exists(path) ? [...member.files.user.snapshot(path).values()] : [];
  });
}

export function coreOf(member: SimMember) {
  return [...member.member!.folders.values()][0]!.core;
}

async function recordsOf(member: SimMember): Promise<Map<Uid, FileRecord>> {
  const table = new Map<Uid, FileRecord>();
  for await (const batch of coreOf(member).store.everyRecord())
    for (const record of batch) table.set(record.uid, record);
  return table;
}

function short(record: FileRecord): string {
  return `${record.present ? 'present' : record.nameConflict ? 'name-conflict tombstone' : 'tombstone'} ${record.gvsn.slice(0, 4)}.${record.gvsn.slice(-4)} “${record.name}”`;
}

function sum(text: string): number {
  let state = 0;
  for (let i = 0; i < text.length; i++) state = (Math.imul(state, 31) + text.charCodeAt(i)) | 0;
  return state;
}
