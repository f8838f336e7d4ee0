/** The admin API from the other side: the same interface as the backend, over the socket. */
import type { Client } from '@grpc/grpc-js';
import { credentials } from '@grpc/grpc-js';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { probeSocket } from '../base/unix-socket.ts';
import type { AdminBackend } from './backend.ts';
import { ADMIN_METHODS, type AdminMethod, type StreamMethodName, type UnaryMethodName } from './methods.ts';
import { answerFromWire, loadAdminService, requestToWire } from './wire.ts';
import { errorFromWire } from './wire-error.ts';

type Plain = Readonly<Record<string, unknown>>;

export interface AdminClient extends AdminBackend {
  close(): void;
}

/** DAEMON_UNREACHABLE with what to do if nobody answers on the socket. */
export async function createAdminClient(
  socketPath: string,
  options: { readonly timeoutMs?: number } = {},
): Promise<AdminClient> {
  await assertAnswers(socketPath);
  const timeoutMs = options.timeoutMs ?? LIMITS.adminCallTimeoutMs;
  const client: Client = new (loadAdminService())(`unix:${socketPath}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': LIMITS.adminAnswerBytes,
    'grpc.max_send_message_length': LIMITS.adminRequestBytes,
    'grpc.default_authority': 'localhost',
  });
  const calls = client as unknown as Record<string, (...args: unknown[]) => AsyncIterable<Plain> & { cancel(): void }>;

  const ask = (name: UnaryMethodName) => (request: Plain) =>
    new Promise<Plain>((resolve, reject) => {
      const method: AdminMethod = ADMIN_METHODS[name];
      calls[method.rpc]!(
        requestToWire(request ?? {}),
        { deadline: Date.now() + timeoutMs },
        (error: unknown, wire: Plain) => {
          if (error) reject(errorFromWire(error, socketPath));
          else resolve(answerFromWire(method, wire));
        },
      );
    });
  const follow = (name: StreamMethodName) =>
    async function* (request: Plain, signal: AbortSignal) {
      const method: AdminMethod = ADMIN_METHODS[name];
      const [field] = Object.keys(method.records);
      const call = calls[method.rpc]!(requestToWire(request));
      const cancel = () => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        if (signal.aborted) return;
        for await (const wire of call) yield answerFromWire(method, wire)[field!];
      } catch (error) {
        if (!signal.aborted) throw errorFromWire(error, socketPath);
      } finally {
        signal.removeEventListener('abort', cancel);
        call.cancel();
      }
    };

  const methods = Object.entries<AdminMethod>(ADMIN_METHODS).map(([name, method]) => [
    name,
    method.stream ? follow(name as StreamMethodName) : ask(name as UnaryMethodName),
  ]);
  return { ...(Object.fromEntries(methods) as AdminBackend), close: () => client.close() };
}

async function assertAnswers(socketPath: string): Promise<void> {
  const found = await probeSocket(socketPath);
  switch (found) {
    case 'answers':
      return;
    case 'forbidden':
      throw new TandemError(
        'DAEMON_UNREACHABLE',
        `you may not use ${socketPath}; run the command as the user the daemon runs as`,
      );
    case 'not-a-socket':
      throw new TandemError(
        'DAEMON_UNREACHABLE',
        `${socketPath} is not a socket; give the right one with --home or --socket`,
      );
    case 'missing':
    case 'stale':
      throw new TandemError(
        'DAEMON_UNREACHABLE',
        `no daemon answers on ${socketPath}; start it with “tandem daemon --home DIR”, or give the right --home or --socket`,
      );
  }
}
