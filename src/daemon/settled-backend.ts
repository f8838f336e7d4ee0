/** An admin backend whose calls wait while the member is built anew from another configuration: what they ask for is between two lives. */
import type { FoldersBackend } from '../admin/backend.ts';
import { ADMIN_METHODS, type AdminMethod } from '../admin/methods.ts';

type Stream = (request: unknown, signal: AbortSignal) => AsyncIterable<unknown>;

/** `settled` resolves at once where nothing is being built. Events go on meanwhile. */
export function settledBackend(backend: FoldersBackend, settled: () => Promise<void>): FoldersBackend {
  return new Proxy(backend, {
    get(target, name: keyof FoldersBackend) {
      if (name === 'followEvents') return target.followEvents;
      const method: AdminMethod | undefined = ADMIN_METHODS[name];
      if (method?.stream) {
        return async function* (request: unknown, signal: AbortSignal) {
          await settled();
          yield* (target[name] as Stream).call(target, request, signal);
        };
      }
      const call = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        await settled();
        return call.apply(target, args);
      };
    },
  });
}
