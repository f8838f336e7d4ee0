/** Changes packed for tests. */
import {
  CHANGE_HEAD_BYTES,
  type ChangeKind,
  createChangePack,
  packChange,
  packedBytes,
} from '../../../src/model/packed-changes.ts';

export interface TestChange {
  readonly kind: ChangeKind;
  readonly offset: number;
  readonly length?: number;
  readonly data?: Uint8Array;
}

export function packed(...changes: readonly TestChange[]): Uint8Array {
  const bytes = changes.reduce((sum, { data }) => sum + CHANGE_HEAD_BYTES + (data?.length ?? 0), 0);
  const pack = createChangePack(new Uint8Array(bytes));
  for (const { kind, offset, data = new Uint8Array(0), length = data.length } of changes) {
    if (!packChange(pack, { kind, offset, length, data })) throw new Error('the changes do not fit');
  }
  return packedBytes(pack);
}

export function packedWrite(offset: number, data: Uint8Array): Uint8Array {
  return packed({ kind: 'write', offset, data });
}
