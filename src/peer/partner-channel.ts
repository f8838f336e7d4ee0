/**
 * One gRPC channel to one partner, and nobody else: TLS with the partner's pinned certificate as the only root and a
 * comparison of its bytes. A channel that failed is thrown away, so that the next call connects at once: when to try
 * again is the caller's decision, not gRPC's.
 */
import type { Socket } from 'node:net';
import {
  type ChannelCredentials,
  Client,
  connectivityState,
  credentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { formatAddress } from '../base/address.ts';
import { TandemError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { windowBytes } from '../model/throttle.ts';
import { CODE_TRAILER, errorFromStatus } from './call-status.ts';
import { readCertificate } from './certificate.ts';
import type { Identity } from './identity.ts';
import { paceSocket } from './paced-socket.ts';
import type { Pacer } from './pacer.ts';
import { callerContext, SERVER_NAME } from './tls-settings.ts';
import { type Partner, probePartner } from './trust-probe.ts';

/** One call on its way. */
export interface OpenCall {
  readonly client: Client;
  /** Called when anything came from the partner: the link works, and it is the partner. */
  answered(): void;
  /** Stops the watch over the connecting. */
  ended(): void;
  /** What a failure of this call means. May take some seconds to find out. */
  explain(failure: unknown): Promise<TandemError>;
}

export interface PartnerChannel {
  /** `giveUp` is called when no connection comes about within LIMITS.connectTimeoutMs. */
  open(giveUp: () => void): OpenCall;
  close(): void;
}

const OPTIONS = {
  'grpc.ssl_target_name_override': SERVER_NAME,
  'grpc.default_authority': SERVER_NAME,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.default_compression_algorithm': 0,
  'grpc.max_receive_message_length': LIMITS.messageBytes,
  'grpc.max_send_message_length': LIMITS.requestBytes,
  'grpc.keepalive_time_ms': LIMITS.keepaliveMs,
  'grpc.keepalive_timeout_ms': LIMITS.keepaliveTimeoutMs,
  'grpc.enable_channelz': 0,
  'grpc-node.flow_control_window': LIMITS.flowControlWindowBytes,
} as const;

/** Of these, where the partner did not send them itself: PERMISSION_DENIED stands for its goodbye to a stranger. */
const LINK_FAILURES: ReadonlySet<status | undefined> = new Set([status.UNAVAILABLE, status.PERMISSION_DENIED]);

interface Line {
  readonly client: Client;
  readonly givenUp: AbortController;
  /** The partner has answered on this line: a later failure is no question of trust. */
  proven: boolean;
}

/** With a pacer, what comes in keeps its rate. */
export function createPartnerChannel(partner: Partner, identity: Identity, pacer: Pacer | null = null): PartnerChannel {
  const address = formatAddress(partner);
  const trust = trustIn(partner, identity);
  const options = pacer ? { ...OPTIONS, 'grpc-node.flow_control_window': windowBytes(pacer.bytesPerSecond) } : OPTIONS;
  let line: Line | undefined;
  let probe: Promise<TandemError> | undefined;

  function present(): Line {
    if (line) return line;
    const givenUp = new AbortController();
    const connecting = connectingBy(trust(), { pacer, givenUp: givenUp.signal });
    line = { client: new Client(address, connecting, options), givenUp, proven: false };
    return line;
  }

  function discard(failed: Line): void {
    if (line === failed) line = undefined;
    failed.givenUp.abort();
    failed.client.close();
  }

  /** Calls that fail together ask once. */
  function askProbe(): Promise<TandemError> {
    probe ??= probePartner(partner, identity).finally(() => {
      probe = undefined;
    });
    return probe;
  }

  return {
    open(giveUp) {
      const own = present();
      let timedOut = false;
      const watch = setTimeout(() => {
        if (own.client.getChannel().getConnectivityState(false) === connectivityState.READY) return;
        timedOut = true;
        giveUp();
      }, LIMITS.connectTimeoutMs);
      watch.unref();
      return {
        client: own.client,
        answered: () => {
          own.proven = true;
          clearTimeout(watch);
        },
        ended: () => clearTimeout(watch),
        explain: async failure => {
          if (failure instanceof TandemError) return named(partner, failure);
          const { code, details, metadata } = failure as Partial<ServiceError>;
          if (timedOut) {
            discard(own);
            return unreachable(partner, `no connection within ${LIMITS.connectTimeoutMs / 1000} s`);
          }
          const known = {
            ...(code !== undefined && { code }),
            ...(details !== undefined && { details }),
            ...(metadata && { metadata }),
          };
          const spoken = metadata !== undefined && metadata.get(CODE_TRAILER).length > 0;
          if (spoken || !LINK_FAILURES.has(code)) return errorFromStatus(partner.name, known);
          discard(own);
          const network = networkProblem(details ?? '');
          if (network !== null) return unreachable(partner, network);
          return own.proven ? errorFromStatus(partner.name, known) : askProbe();
        },
      };
    },
    close: () => {
      if (line) discard(line);
    },
  };
}

/** Makes the credentials of one line after the other. */
function trustIn(partner: Partner, identity: Identity): () => ChannelCredentials {
  const pin = readCertificate(partner.certificate).raw;
  const context = callerContext(identity, partner.certificate);
  return () =>
    credentials.createFromSecureContext(context, {
      // The pinned certificate must not be able to vouch for others: only it itself will do.
      checkServerIdentity: (_name, shown) =>
        shown.raw.equals(pin) ? undefined : new Error('not the pinned certificate'),
    });
}

/**
 * The same credentials, but TLS runs over a paced socket, and a line that was given up connects no more: what gRPC has
 * failed to connect, it connects once again after its own pause, also when it was closed meanwhile.
 */
function connectingBy(
  trust: ChannelCredentials,
  { pacer, givenUp }: { readonly pacer: Pacer | null; readonly givenUp: AbortSignal },
): ChannelCredentials {
  const createConnector = trust._createSecureConnector.bind(trust);
  trust._createSecureConnector = (...target) => {
    const connector = createConnector(...target);
    return {
      // Asked before there is a connection at all.
      waitForReady: async () => {
        givenUp.throwIfAborted();
        await connector.waitForReady();
      },
      connect: async socket => {
        givenUp.throwIfAborted();
        if (!pacer) return connector.connect(socket);
        // TLS takes any stream for a socket, but does not notice when it is closed.
        const secured = await connector.connect(paceSocket(socket, pacer) as Socket);
        if (socket.destroyed) secured.socket.destroy();
        socket.on('close', () => secured.socket.destroy());
        return secured;
      },
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  };
  return trust;
}

/** The network's own reason in what gRPC tells; null: it is none. */
function networkProblem(details: string): string | null {
  const errno = /\b(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)\b/.exec(
    details,
  )?.[1];
  switch (errno) {
    case undefined:
      return details.startsWith('Name resolution failed') ? 'its host name cannot be resolved' : null;
    case 'ECONNREFUSED':
      return 'nothing listens there (connection refused); is its daemon running?';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `its host name cannot be resolved (${errno})`;
    default:
      return `the network does not get there (${errno})`;
  }
}

/** A violation found in what the partner sent, with the partner's name. */
function named(partner: Partner, error: TandemError): TandemError {
  if (error.code !== 'PEER_VIOLATION') return error;
  const message = `${partner.name} sent what the protocol forbids: ${error.message}`;
  return new TandemError(error.code, message, { ...error.fields, partner: partner.name }, error);
}

function unreachable(partner: Partner, why: string): TandemError {
  return new TandemError(
    'PEER_UNREACHABLE',
    `${partner.name} at ${formatAddress(partner)} cannot be reached: ${why}; it is tried again`,
    { partner: partner.name },
  );
}
