/**
 * Finds out why no link to a partner came about: gRPC tells that TLS failed, not whom it met. The probe makes a TLS
 * connection of its own, looks at the certificate it is shown, and at how the partner takes ours. It sends no data.
 */
import { connect, type TLSSocket } from 'node:tls';
import { messageOf, TandemError } from '../base/errors.ts';
import { certificateProblem, describeCertificate, readCertificate } from './certificate.ts';
import { goodbyeReason } from './goodbye.ts';
import type { Identity } from './identity.ts';
import { ALPN_PROTOCOLS, callerContext, SERVER_NAME } from './tls-settings.ts';

export interface Partner {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The pinned certificate, PEM. */
  readonly certificate: string;
}

const CONNECT_MS = 3000;
/** A partner that refuses our certificate does so at once. */
const REFUSAL_MS = 1000;
const RECEIVED_BYTES = 4096;

/** PEER_UNTRUSTED with what is wrong with whose certificate, or PEER_UNREACHABLE. Takes some seconds at most. */
export function probePartner(partner: Partner, identity: Identity): Promise<TandemError> {
  return new Promise(resolve => {
    const address = `${partner.host}:${partner.port}`;
    let received = Buffer.alloc(0);
    let proven = false;
    const socket = connect({
      host: partner.host,
      port: partner.port,
      servername: SERVER_NAME,
      ALPNProtocols: ALPN_PROTOCOLS,
      secureContext: callerContext(identity, partner.certificate),
      // Not to trust whoever answers, but to see who it is.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    let timer = setTimeout(() => end(unreachable('it accepted no TLS connection in time')), CONNECT_MS);

    function end(error: TandemError): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(error);
    }

    function unreachable(why: string): TandemError {
      return new TandemError(
        'PEER_UNREACHABLE',
        `${partner.name} at ${address} cannot be reached: ${why}; it is tried again`,
        {
          partner: partner.name,
        },
      );
    }

    function untrusted(sentence: string): TandemError {
      return new TandemError('PEER_UNTRUSTED', sentence, { partner: partner.name, address });
    }

    function afterRefusal(): void {
      const said = goodbyeReason(received);
      if (said !== null) {
        end(untrusted(`${partner.name} at ${address} refused this member: ${said}`));
      } else if (proven) {
        const own = describeCertificate(readCertificate(identity.certificate));
        end(
          unreachable(
            `it ended the connection right after TLS; perhaps its group.yaml does not pin this member's certificate ${own}`,
          ),
        );
      } else {
        end(unreachable('it ended the connection before TLS was established'));
      }
    }

    socket.on('secureConnect', () => {
      const problem = trustProblem(socket, partner);
      if (problem !== null) {
        end(untrusted(`${partner.name} at ${address} is not trusted: ${problem}`));
        return;
      }
      proven = true;
      clearTimeout(timer);
      timer = setTimeout(
        () => end(unreachable('it gave no answer, though its certificate is the pinned one')),
        REFUSAL_MS,
      );
    });
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]).subarray(0, RECEIVED_BYTES);
      if (proven && goodbyeReason(received) !== null) afterRefusal();
    });
    socket.on('error', error => (proven ? afterRefusal() : end(unreachable(messageOf(error)))));
    socket.on('close', afterRefusal);
  });
}

function trustProblem(socket: TLSSocket, partner: Partner): string | null {
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return 'it showed no certificate';
  const pin = readCertificate(partner.certificate);
  const met = readCertificate(shown.raw);
  if (!met.raw.equals(pin.raw)) {
    return `it showed the certificate ${describeCertificate(met)}, but group.yaml pins ${describeCertificate(pin)}; if its identity was renewed, put the new certificate into group.yaml on every member`;
  }
  const problem = certificateProblem(shown.raw, Date.now());
  if (problem !== null) return `its certificate ${describeCertificate(met)} ${problem}`;
  return socket.authorized ? null : `TLS does not accept its certificate (${socket.authorizationError})`;
}
