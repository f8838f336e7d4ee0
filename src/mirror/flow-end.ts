/** A flow that ends while something waits for the partner. */
import { TandemError } from '../base/errors.ts';

/** PEER_UNREACHABLE */
export function throwIfEnded(ended: AbortSignal): void {
  if (ended.aborted) throw new TandemError('PEER_UNREACHABLE', 'the stream to the partner has ended');
}

/** When `wait` calls what it is given. PEER_UNREACHABLE */
export async function orEnded(ended: AbortSignal, wait: (wake: () => void) => void): Promise<void> {
  throwIfEnded(ended);
  await new Promise<void>(resolve => {
    const wake = (): void => {
      ended.removeEventListener('abort', wake);
      resolve();
    };
    ended.addEventListener('abort', wake, { once: true });
    wait(wake);
  });
  throwIfEnded(ended);
}
