/** An admin backend whose calls wait while the member is built anew from another configuration: what they ask for is between two lives. */
import type { AdminBackend } from '../admin/backend.ts';

/** `settled` resolves at once where nothing is being built. Streams of events go on meanwhile. */
export function settledBackend(backend: AdminBackend, settled: () => Promise<void>): AdminBackend {
  return new Proxy(backend, {
    get(target, name: keyof AdminBackend) {
      if (name === 'followEvents') return target.followEvents;
      const call = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        await settled();
        return call.apply(target, args);
      };
    },
  });
}
