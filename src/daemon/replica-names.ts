/** All pairs of storage elements of this member, volumes and replicated folders, and how they are named. */
import { TandemError } from '../base/errors.ts';
import { describeUnknown } from '../base/known-names.ts';
import type { Pair } from '../mirror/pair.ts';
import type { PairSet } from '../mirror/pair-set.ts';
import type { Association } from '../model/association.ts';
import { elementPath } from '../model/association-record.ts';
import type { FolderPairs, ListedPair } from './folder-pairs.ts';

export type NamedReplica =
  | { readonly kind: 'volume'; readonly pair: Pair }
  | { readonly kind: 'folder'; readonly pair: ListedPair };

export interface ReplicaNames {
  list(): readonly NamedReplica[];
  /** By id, the beginning of it, or target. Undefined: none, or several. */
  find(named: string): NamedReplica | undefined;
  /** As `find`. NOT_FOUND, with what there is. */
  get(named: string): NamedReplica;
}

export function createReplicaNames(pairs: PairSet, folders: FolderPairs): ReplicaNames {
  const list = (): readonly NamedReplica[] => [
    ...pairs.list().map(pair => ({ kind: 'volume', pair }) as const),
    ...folders.list().map(pair => ({ kind: 'folder', pair }) as const),
  ];
  const find = (named: string): NamedReplica | undefined => oneOf(matching(list(), named));
  return {
    list,
    find,
    get: named => {
      const found = find(named);
      if (found !== undefined) return found;
      const all = list();
      const several = matching(all, named);
      if (several.length > 1) {
        const choice = several.map(each => `${idOf(each)} (from ${elementPath(associationOf(each).source)})`);
        throw new TandemError('NOT_FOUND', `“${named}” may be any of ${choice.join(', ')}; write the id`);
      }
      const known = all.map(each => `${idOf(each).slice(0, 8)} (${elementPath(associationOf(each).target)})`);
      throw new TandemError('NOT_FOUND', describeUnknown({ what: 'replica', name: named, known }));
    },
  };
}

export function associationOf({ kind, pair }: NamedReplica): Association {
  return kind === 'volume' ? pair.record : pair.association;
}

export function idOf(named: NamedReplica): string {
  return associationOf(named).id;
}

/** An id is enough, whatever else is called so; a target is meant before the beginning of an id. */
function matching(all: readonly NamedReplica[], named: string): readonly NamedReplica[] {
  const plain = named.toLowerCase();
  const byId = all.filter(each => idOf(each) === plain);
  if (byId.length > 0) return byId;
  const byTarget = all.filter(each => {
    const { target } = associationOf(each);
    return target.name === named || elementPath(target) === named;
  });
  if (byTarget.length > 0) return byTarget;
  return named.length >= SHORTEST_BEGINNING ? all.filter(each => idOf(each).startsWith(plain)) : [];
}

const SHORTEST_BEGINNING = 4;

function oneOf(found: readonly NamedReplica[]): NamedReplica | undefined {
  return found.length === 1 ? found[0] : undefined;
}
