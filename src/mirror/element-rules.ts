/** What the pairs an element belongs to mean for its clients. */
import { TandemError } from '../base/errors.ts';
import type { BlockDevice } from '../block/device.ts';
import type { MetaContext } from '../block/nbd/meta-contexts.ts';
import type { Access } from '../model/association-duties.ts';

/** `name`: of a volume or snapshot of this member. */
export interface ElementRules {
  access(name: string): Access;
  /** Asked before every write of a client, which goes on when it settles; null: at once. A rejection fails the write. */
  beforeWrite(name: string): Promise<void> | null;
  /** What keeps it from being deleted or resized, as the end of a sentence; null: nothing. */
  bond(name: string): string | null;
  contexts(name: string): readonly MetaContext[];
}

const STRICTNESS: Readonly<Record<Access, number>> = { 'read-write': 0, held: 1, 'read-only': 2, closed: 3 };

export function strictest(all: Iterable<Access>): Access {
  let found: Access = 'read-write';
  for (const access of all) if (STRICTNESS[access] > STRICTNESS[found]) found = access;
  return found;
}

/**
 * The device as clients have it: each of their writes is asked for first. What members write beneath it is not. One that was on its
 * way when the partner it must reach went away is asked for and made once more: whoever gave it has not been answered.
 */
export function servedDevice(device: BlockDevice, beforeWrite: () => Promise<void> | null): BlockDevice {
  const asked = (work: () => Promise<void>): Promise<void> => {
    const wait = beforeWrite();
    return (wait === null ? work() : wait.then(work)).catch(error => again(error, work));
  };
  const again = (error: unknown, work: () => Promise<void>): Promise<void> => {
    if (error instanceof TandemError && error.code === 'PEER_UNREACHABLE') return asked(work);
    throw error;
  };
  return {
    get size() {
      return device.size;
    },
    get blockSize() {
      return device.blockSize;
    },
    read: (offset, into) => device.read(offset, into),
    write: (offset, data, options) => asked(() => device.write(offset, data, options)),
    zero: (offset, length, options) => asked(() => device.zero(offset, length, options)),
    trim: (offset, length, options) => asked(() => device.trim(offset, length, options)),
    flush: () => device.flush().catch(error => again(error, () => device.flush())),
    extents: (offset, length) => device.extents(offset, length),
  };
}
