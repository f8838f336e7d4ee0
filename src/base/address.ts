/** Network addresses as people write them: `host:port`, `[::1]:7420`. */
import { isIPv4, isIPv6 } from 'node:net';
import { TandemError } from './errors.ts';

export interface Address {
  /** A host name or an IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export const ADDRESS_FORM = 'host:port, such as alpha.example:7420, 192.0.2.7:7420 or [2001:db8::7]:7420';

/** INVALID_ARGUMENT if `text` is not `host:port` with a port from 1 to 65535. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  const valid =
    host !== undefined && port >= 1 && port <= 65_535 && (match?.[1] !== undefined ? isIPv6(host) : isHost(host));
  if (!valid) throw new TandemError('INVALID_ARGUMENT', `“${text}” is not an address; write ${ADDRESS_FORM}`);
  return { host, port };
}

export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function isHost(host: string): boolean {
  if (/^[\d.]+$/.test(host)) return isIPv4(host);
  return (
    host.length <= 253 && host.split('.').every(label => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
  );
}
