/** One client from its connection to its end: handshake, TLS if it comes to that, transmission. */
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { DirectReading } from './direct-reading.ts';
import type { ExportClient, Exports } from './exports.ts';
import type { MetaContext } from './meta-contexts.ts';
import { type Agreement, NEW_NEGOTIATION, type Offer, stepNegotiation } from './negotiation.ts';
import { createOptionReader, encodeGreeting } from './option-codec.ts';
import { type NbdTls, upgrade } from './tls.ts';
import type { Traffic } from './traffic.ts';
import { startTransmission, type Transmission } from './transmission.ts';

export interface ClientOptions {
  readonly socket: Socket;
  /** How it is read from in the clear; null: as any stream. */
  readonly reading: DirectReading | null;
  /** For people. */
  readonly address: string;
  readonly exports: Exports;
  /** Null: there is none. */
  readonly tls: NbdTls | null;
  readonly traffic: Traffic;
  readonly buffers: BufferPool;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Client {
  /** Ends the connection: a transmission as `ExportClient.sendAway`, a handshake at once. */
  close(): Promise<void>;
  /** It is gone and no device works for it any more. */
  readonly ended: Promise<void>;
}

export function serveClient(options: ClientOptions): Client {
  const { exports, tls, traffic, buffers, clock } = options;
  const log = options.log.child({ client: options.address });
  let transmission: Transmission | null = null;
  let socket: Socket = options.socket;
  let resolveEnded = (): void => {};
  const ended = new Promise<void>(resolve => {
    resolveEnded = resolve;
  });
  const cancelDeadline = clock.after(LIMITS.nbdHandshakeMs, () => {
    if (transmission === null) drop('the handshake does not come to an end');
  });

  options.socket.on('error', () => options.socket.destroy());
  options.socket.on('close', () => {
    cancelDeadline();
    if (transmission === null) resolveEnded();
    else transmission.ended.then(resolveEnded, resolveEnded);
  });
  negotiate();

  function drop(reason: string): void {
    log.warn({ reason }, 'an NBD client is cut off');
    options.socket.destroy();
  }

  function offer(): Offer {
    return { tls: tls === null ? 'off' : tls.required ? 'required' : 'offered', exports: exports.offered() };
  }

  function negotiate(): void {
    const reader = createOptionReader();
    let negotiation = NEW_NEGOTIATION;
    let busy = false;

    const onData = (chunk: Buffer): void => {
      reader.push(chunk);
      talk();
    };
    const listen = (): void => {
      socket.on('data', onData);
      socket.on('drain', talk);
    };
    const fallSilent = (): void => {
      socket.off('data', onData);
      socket.off('drain', talk);
      socket.pause();
    };

    /** Answers what is here, unless the client leaves answers unread. */
    function talk(): void {
      while (!busy && !socket.destroyed && !socket.writableNeedDrain) {
        const message = reader.next();
        if (message === null) break;
        const step = stepNegotiation(negotiation, message, offer());
        negotiation = step.negotiation;
        if (step.send.length > 0) socket.write(Buffer.concat(step.send));
        switch (step.outcome.kind) {
          case 'go-on':
            continue;
          case 'end':
            fallSilent();
            socket.resume();
            socket.end();
            return;
          case 'drop':
            if (step.outcome.violation) drop(step.outcome.reason);
            else socket.destroy();
            return;
          case 'start-tls':
            secure();
            return;
          case 'transmit':
            fallSilent();
            transmit(step.outcome.agreement, { secured: negotiation.secured, first: reader.rest() });
            return;
        }
      }
      if (socket.writableNeedDrain) socket.pause();
      else if (!busy) socket.resume();
    }

    function secure(): void {
      busy = true;
      fallSilent();
      // Whoever sits between could have put it there, to be taken for something said over TLS.
      if (reader.rest().length > 0) {
        drop('there is more behind STARTTLS, in the clear');
        return;
      }
      upgrade(options.socket, tls!, drop).then(
        secured => {
          if (secured === null) return;
          socket = secured;
          socket.on('error', () => socket.destroy());
          busy = false;
          listen();
        },
        error => drop(String(error)),
      );
    }

    socket.write(encodeGreeting());
    listen();
  }

  function transmit(agreement: Agreement, connection: { secured: boolean; first: Buffer }): void {
    cancelDeadline();
    const entry = exports.enter(agreement.exportName);
    const contexts = entry && selectContexts(entry.contexts, agreement.contextNames);
    if (entry === null || contexts === null) return void socket.destroy();
    const { device, readOnly } = entry.spec;
    const running = startTransmission({
      socket,
      reading: socket === options.socket ? options.reading : null,
      first: connection.first,
      device,
      readOnly,
      structured: agreement.structured,
      contexts,
      traffic: traffic.client(),
      buffers,
      clock,
      onViolation: reason => log.warn({ reason, export: agreement.exportName }, 'an NBD client is cut off'),
    });
    transmission = running;
    const member: ExportClient = {
      record: () => ({
        address: options.address,
        secured: connection.secured,
        writer: !readOnly,
        onTheWay: running.onTheWay,
        ...running.counters,
      }),
      sendAway: () => {
        running.drain();
        return running.ended;
      },
    };
    const leave = entry.admit(member);
    running.ended.then(leave, leave);
  }

  return {
    ended,
    close: () => {
      if (transmission === null) options.socket.destroy();
      else transmission.drain();
      return ended;
    },
  };
}

/** Null: one of them is gone since it was selected. */
function selectContexts(contexts: readonly MetaContext[], names: readonly string[]): MetaContext[] | null {
  const selected = names.map(name => contexts.find(context => context.name === name));
  return selected.every(context => context !== undefined) ? selected : null;
}
