/** The admin API on its Unix socket: parse, call the backend, answer. */
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { placeSocket } from '../base/unix-socket.ts';
import type { AdminBackend } from './backend.ts';
import { ADMIN_METHODS, type AdminMethod } from './methods.ts';
import { answerToWire, loadAdminService } from './wire.ts';
import { errorToWire } from './wire-error.ts';

type Plain = Readonly<Record<string, unknown>>;
type UnaryBackend = Record<string, (request: unknown) => Promise<Plain | undefined>>;
type StreamBackend = Record<string, (request: unknown, signal: AbortSignal) => AsyncIterable<Plain>>;

export interface AdminServerOptions {
  readonly socketPath: string;
  readonly backend: AdminBackend;
  readonly log: Log;
}

export interface AdminServer {
  /** Ends running calls and removes the socket. */
  close(): Promise<void>;
}

/** Listens when it resolves. HOME_LOCKED if a daemon answers on the socket already. */
export async function createAdminServer({ socketPath, backend, log }: AdminServerOptions): Promise<AdminServer> {
  const server = new Server({
    'grpc.max_receive_message_length': LIMITS.adminRequestBytes,
    'grpc.max_send_message_length': LIMITS.adminAnswerBytes,
  });
  const stop = new AbortController();
  const calls: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries<AdminMethod>(ADMIN_METHODS)) {
    calls[method.rpc] = method.stream ? answerStream(name, method) : answerOnce(name, method);
  }
  server.addService(loadAdminService().service, calls);
  const place = {
    path: socketPath,
    what: 'the admin socket',
    setting: 'adminSocket in member.yaml',
    taken: { code: 'HOME_LOCKED', message: `another daemon answers on ${socketPath}; stop it first` },
  } as const;
  const removeSocket = await placeSocket(place, path => bind(server, path));

  return {
    close: async () => {
      stop.abort();
      await removeSocket();
      await new Promise<void>(resolve => {
        server.tryShutdown(() => resolve());
        setTimeout(() => server.forceShutdown(), LIMITS.adminCloseMs).unref();
      });
    },
  };

  function answerOnce(name: string, method: AdminMethod): handleUnaryCall<Plain, Plain> {
    return (call, reply) => {
      const answer = async () => {
        const request = parseRequest(method, call.request);
        return answerToWire(method, await (backend as unknown as UnaryBackend)[name]!(request));
      };
      answer().then(
        wire => reply(null, wire),
        error => {
          report(name, error);
          reply(errorToWire(error));
        },
      );
    };
  }

  function answerStream(name: string, method: AdminMethod): handleServerStreamingCall<Plain, Plain> {
    const [field] = Object.keys(method.records);
    return call => {
      const ended = new AbortController();
      call.on('cancelled', () => ended.abort());
      call.on('close', () => ended.abort());
      const signal = AbortSignal.any([stop.signal, ended.signal]);
      const send = async () => {
        const request = parseRequest(method, call.request);
        for await (const record of (backend as unknown as StreamBackend)[name]!(request, signal)) {
          if (signal.aborted) break;
          if (!call.write(answerToWire(method, { [field!]: record }))) await drained(call, signal);
        }
      };
      send().then(
        () => call.end(),
        error => {
          if (signal.aborted) return call.end();
          report(name, error);
          call.emit('error', errorToWire(error));
        },
      );
    };
  }

  function report(method: string, error: unknown): void {
    const expected = error instanceof TandemError && error.code !== 'INTERNAL';
    if (!expected) log.error({ method, error }, 'an admin call failed');
  }
}

function parseRequest(method: AdminMethod, request: Plain): unknown {
  const known = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== null));
  const result = method.request.safeParse(known);
  if (result.success) return result.data;
  const faults = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`);
  throw new TandemError('INVALID_ARGUMENT', `the request is not valid: ${faults.join('; ')}`);
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), error => (error ? reject(error) : resolve()));
  });
}

function drained(call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const go = () => {
      signal.removeEventListener('abort', go);
      call.removeListener('drain', go);
      resolve();
    };
    signal.addEventListener('abort', go, { once: true });
    call.once('drain', go);
  });
}
