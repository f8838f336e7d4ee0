/** The filters of GetReplicationRelationships. */
import type { ReplicaFilter } from '../admin/replicas.ts';
import type { Association } from '../model/association.ts';
import { LOCALITIES, RELATIONSHIP_TYPES } from '../model/replica-capabilities.ts';
import { COPY_STATES, MODES, numberOf, SYNC_TYPES } from '../model/replica-values.ts';

const FORMS: Readonly<
  Record<keyof ReplicaFilter, { readonly what: string; readonly names: Readonly<Record<number, string>> }>
> = {
  type: { what: 'Type', names: RELATIONSHIP_TYPES },
  syncType: { what: 'SyncType', names: SYNC_TYPES },
  mode: { what: 'Mode', names: MODES },
  locality: { what: 'Locality', names: LOCALITIES },
  copyState: { what: 'CopyState', names: COPY_STATES },
};

/** A sentence about the first value that is none; null: all are. */
export function problemOfFilter(filter: ReplicaFilter): string | null {
  for (const [key, { what, names }] of Object.entries(FORMS)) {
    const value = filter[key as keyof ReplicaFilter];
    if (value === undefined || names[value] !== undefined) continue;
    return `${value} is no ${what}; they are ${Object.keys(names).join(', ')}`;
  }
  return null;
}

export function passes(
  association: Association,
  { type, syncType, mode, locality, copyState }: ReplicaFilter,
): boolean {
  const { here, kind } = association;
  const place = here === 'both' && kind === 'volume' ? 2 : 3;
  return (
    type !== 3 &&
    (syncType === undefined || numberOf(SYNC_TYPES, association.syncType) === syncType) &&
    (mode === undefined || (association.mode !== null && numberOf(MODES, association.mode) === mode)) &&
    (locality === undefined || place === locality) &&
    (copyState === undefined || numberOf(COPY_STATES, association.copyState) === copyState)
  );
}
