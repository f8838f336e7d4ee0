/** All keys of both files, for `tandem config explain` and docs/CONFIG.md. */
import { groupSchema } from './group-schema.ts';
import { type KeyEntry, listKeys } from './key-table.ts';
import { memberSchema } from './member-schema.ts';

export interface CataloguedKey extends KeyEntry {
  readonly file: 'group.yaml' | 'member.yaml';
}

export const KEY_CATALOGUE: readonly CataloguedKey[] = [
  ...listKeys(memberSchema).map(entry => ({ ...entry, file: 'member.yaml' as const })),
  ...listKeys(groupSchema).map(entry => ({ ...entry, file: 'group.yaml' as const })),
];

/**
 * The keys that `query` may mean, with all below them: a whole key (`folders.docs.quiet`, `folders.<folder>.quiet`) or
 * the end of one (`quiet`, `brakes`). Empty if there is none.
 */
export function findKeys(query: string): CataloguedKey[] {
  const wanted = splitKey(query);
  const whole = KEY_CATALOGUE.filter(({ key }) => matches(splitKey(key).slice(0, wanted.length), wanted));
  return whole.length > 0 ? whole : KEY_CATALOGUE.filter(({ key }) => contains(splitKey(key), wanted));
}

function splitKey(key: string): string[] {
  return key
    .replaceAll(/\[\d*\]/g, '.[]')
    .split('.')
    .filter(part => part !== '');
}

function contains(key: readonly string[], wanted: readonly string[]): boolean {
  return key.some((step, index) => step === wanted[0] && matches(key.slice(index, index + wanted.length), wanted));
}

/** A step in angle brackets stands for any name. */
function matches(key: readonly string[], wanted: readonly string[]): boolean {
  return key.length === wanted.length && key.every((step, index) => step === wanted[index] || step.startsWith('<'));
}
