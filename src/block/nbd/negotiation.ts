/** The handshake as a state machine: what a client says, what it is answered, and what comes next. */
import { LIMITS } from '../../base/limits.ts';
import { matchContexts } from './meta-contexts.ts';
import { HANDSHAKE, INFO, OPTION, REPLY, TRANSMISSION } from './numbers.ts';
import {
  type ClientMessage,
  type ExportFacts,
  encodeExportNameReply,
  encodeMetaReply,
  encodeReply,
  encodeServerReply,
  type InfoRequest,
  infoBlockSize,
  infoExport,
  infoText,
  parseInfoRequest,
  parseMetaRequest,
  parseString,
} from './option-codec.ts';

/** An export as the handshake tells of it. */
export interface OfferedExport {
  readonly name: string;
  readonly description: string;
  /** Bytes. */
  readonly size: number;
  readonly blockSize: number;
  readonly readOnly: boolean;
  /** To be had over TLS only. */
  readonly tlsOnly: boolean;
  /** It takes no clients at present. */
  readonly closing: boolean;
  readonly contextNames: readonly string[];
}

export interface Offer {
  /** `required`: nothing but TLS is spoken; `offered`: a client may ask for it. */
  readonly tls: 'off' | 'offered' | 'required';
  readonly exports: readonly OfferedExport[];
}

export interface Negotiation {
  /** Null: the client's flags have not come. */
  readonly flags: number | null;
  readonly secured: boolean;
  readonly structured: boolean;
  readonly contexts: SelectedContexts | null;
  readonly options: number;
}

interface SelectedContexts {
  readonly exportName: string;
  /** The id of a context is its place here. */
  readonly names: readonly string[];
}

/** What client and server agreed on for the transmission. */
export interface Agreement {
  readonly exportName: string;
  readonly structured: boolean;
  /** The id of a context is its place here. */
  readonly contextNames: readonly string[];
}

export type Outcome =
  | { readonly kind: 'go-on' }
  | { readonly kind: 'start-tls' }
  | { readonly kind: 'transmit'; readonly agreement: Agreement }
  /** The client takes its leave. */
  | { readonly kind: 'end' }
  /** There is no way to say it with the protocol; `violation`: the client is to blame. */
  | { readonly kind: 'drop'; readonly reason: string; readonly violation: boolean };

export interface NegotiationStep {
  readonly negotiation: Negotiation;
  readonly send: readonly Buffer[];
  readonly outcome: Outcome;
}

export const NEW_NEGOTIATION: Negotiation = {
  flags: null,
  secured: false,
  structured: false,
  contexts: null,
  options: 0,
};

/** After TLS has begun: nothing that was said in the clear counts, but for the flags, which are not said again. */
export function securedNegotiation(before: Negotiation): Negotiation {
  return { ...NEW_NEGOTIATION, flags: before.flags, secured: true };
}

export function transmissionFlags(offered: OfferedExport, structured: boolean): number {
  const { hasFlags, readOnly, flush, fua, trim, writeZeroes, df, multiConn } = TRANSMISSION;
  // All clients share one device, so what one has flushed is durable for every other.
  const always = hasFlags | flush | fua | multiConn;
  return always | (offered.readOnly ? readOnly : trim | writeZeroes) | (structured ? df : 0);
}

export function stepNegotiation(negotiation: Negotiation, message: ClientMessage, offer: Offer): NegotiationStep {
  switch (message.kind) {
    case 'broken':
      return drop(negotiation, message.reason);
    case 'flags':
      return stepFlags(negotiation, message.flags);
    case 'too-big':
      return refuse(negotiation, message.option, REPLY.tooBig, 'the option has too many data');
    case 'option':
      if (negotiation.options >= LIMITS.nbdOptions) return drop(negotiation, 'too many options');
      return stepOption({ ...negotiation, options: negotiation.options + 1 }, message.option, message.data, offer);
  }
}

function stepFlags(negotiation: Negotiation, flags: number): NegotiationStep {
  const unknown = flags & ~(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes);
  if (unknown !== 0) return drop(negotiation, `unknown handshake flags ${flags.toString(16)}`);
  return answer({ ...negotiation, flags }, []);
}

function stepOption(negotiation: Negotiation, option: number, data: Buffer, offer: Offer): NegotiationStep {
  if (option === OPTION.abort) return { ...answer(negotiation, [encodeReply(option, REPLY.ack)]), outcome: END };
  if (option === OPTION.startTls) return startTls(negotiation, data, offer);
  if (offer.tls === 'required' && !negotiation.secured) {
    if (option === OPTION.exportName) return drop(negotiation, 'the client does not begin TLS, which is required');
    return refuse(negotiation, option, REPLY.tlsRequired, 'this server speaks TLS only');
  }
  switch (option) {
    case OPTION.exportName:
      return enterByName(negotiation, data, offer);
    case OPTION.list:
      return list(negotiation, data, offer);
    case OPTION.info:
    case OPTION.go:
      return inform(negotiation, option, data, offer);
    case OPTION.structuredReply:
      if (data.length > 0) return refuse(negotiation, option, REPLY.invalid, 'the option takes no data');
      return answer({ ...negotiation, structured: true }, [encodeReply(option, REPLY.ack)]);
    case OPTION.listMetaContext:
    case OPTION.setMetaContext:
      return metaContexts(negotiation, option, data, offer);
    default:
      return refuse(negotiation, option, REPLY.unsupported, `option ${option} is not known here`);
  }
}

function startTls(negotiation: Negotiation, data: Buffer, offer: Offer): NegotiationStep {
  const refused = (type: number, text: string) => refuse(negotiation, OPTION.startTls, type, text);
  if (offer.tls === 'off') return refused(REPLY.policy, 'this server has no TLS');
  if (negotiation.secured) return refused(REPLY.invalid, 'TLS is spoken already');
  if (data.length > 0) return refused(REPLY.invalid, 'the option takes no data');
  if (!((negotiation.flags ?? 0) & HANDSHAKE.fixedNewstyle)) {
    return refused(REPLY.policy, 'TLS needs the fixed newstyle handshake');
  }
  const ack = encodeReply(OPTION.startTls, REPLY.ack);
  return { negotiation: securedNegotiation(negotiation), send: [ack], outcome: { kind: 'start-tls' } };
}

function enterByName(negotiation: Negotiation, data: Buffer, offer: Offer): NegotiationStep {
  const name = parseString(data);
  const found = offer.exports.find(offered => offered.name === name);
  if (found === undefined || found.closing || !visible(found, negotiation)) {
    return {
      ...drop(negotiation, 'there is no such export, and EXPORT_NAME has no way to say so'),
      outcome: { kind: 'drop', reason: 'no such export', violation: false },
    };
  }
  const withZeroes = !((negotiation.flags ?? 0) & HANDSHAKE.noZeroes);
  const reply = encodeExportNameReply(factsOf(found, negotiation), withZeroes);
  return { negotiation, send: [reply], outcome: transmit(negotiation, found) };
}

function list(negotiation: Negotiation, data: Buffer, offer: Offer): NegotiationStep {
  if (data.length > 0) return refuse(negotiation, OPTION.list, REPLY.invalid, 'the option takes no data');
  const entries = offer.exports
    .filter(offered => visible(offered, negotiation))
    .map(({ name, description }) => encodeServerReply(OPTION.list, name, description));
  return answer(negotiation, [...entries, encodeReply(OPTION.list, REPLY.ack)]);
}

function inform(negotiation: Negotiation, option: number, data: Buffer, offer: Offer): NegotiationStep {
  const request = parseInfoRequest(data);
  if (request === null) return refuse(negotiation, option, REPLY.invalid, 'the option is malformed');
  const found = findExport(request.name, negotiation, offer);
  if ('type' in found) return refuse(negotiation, option, found.type, found.text);
  const infos = describe(found, request, negotiation).map(info => encodeReply(option, REPLY.info, info));
  const send = [...infos, encodeReply(option, REPLY.ack)];
  if (option === OPTION.info) return answer(negotiation, send);
  return { negotiation, send, outcome: transmit(negotiation, found) };
}

function describe(found: OfferedExport, { items }: InfoRequest, negotiation: Negotiation): Buffer[] {
  const infos = [infoExport(factsOf(found, negotiation))];
  if (items.includes(INFO.name)) infos.push(infoText(INFO.name, found.name));
  if (items.includes(INFO.description) && found.description !== '') {
    infos.push(infoText(INFO.description, found.description));
  }
  if (items.includes(INFO.blockSize)) {
    infos.push(infoBlockSize({ minimum: 1, preferred: found.blockSize, maximum: LIMITS.nbdToldPayloadBytes }));
  }
  return infos;
}

function metaContexts(negotiation: Negotiation, option: number, data: Buffer, offer: Offer): NegotiationStep {
  const setting = option === OPTION.setMetaContext;
  // Setting replaces what was selected before even where it fails.
  const cleared = setting ? { ...negotiation, contexts: null } : negotiation;
  if (!negotiation.structured) return refuse(cleared, option, REPLY.invalid, 'ask for structured replies first');
  const request = parseMetaRequest(data);
  if (request === null) return refuse(cleared, option, REPLY.invalid, 'the option is malformed');
  const found = findExport(request.name, negotiation, offer);
  if ('type' in found) return refuse(cleared, option, found.type, found.text);
  const names = matchContexts(found.contextNames, request.queries, { wildcards: !setting });
  if (names === null) return refuse(cleared, option, REPLY.invalid, 'a query has no namespace');
  if (setting && names.length > LIMITS.nbdMetaContexts) {
    return refuse(cleared, option, REPLY.tooBig, `more than ${LIMITS.nbdMetaContexts} contexts`);
  }
  const replies = names.map((name, id) => encodeMetaReply(option, setting ? id : 0, name));
  const next = setting ? { ...cleared, contexts: { exportName: found.name, names } } : cleared;
  return answer(next, [...replies, encodeReply(option, REPLY.ack)]);
}

function findExport(
  name: string,
  negotiation: Negotiation,
  offer: Offer,
): OfferedExport | { readonly type: number; readonly text: string } {
  const found = offer.exports.find(offered => offered.name === name);
  if (found === undefined) return { type: REPLY.unknown, text: 'there is no such export' };
  if (!visible(found, negotiation)) return { type: REPLY.tlsRequired, text: 'this export is to be had over TLS only' };
  return found.closing ? { type: REPLY.shutdown, text: 'the export closes; come again' } : found;
}

function visible(offered: OfferedExport, negotiation: Negotiation): boolean {
  return negotiation.secured || !offered.tlsOnly;
}

function factsOf(offered: OfferedExport, negotiation: Negotiation): ExportFacts {
  return { size: offered.size, flags: transmissionFlags(offered, negotiation.structured) };
}

function transmit({ structured, contexts }: Negotiation, { name }: OfferedExport): Outcome {
  const contextNames = contexts?.exportName === name ? contexts.names : [];
  return { kind: 'transmit', agreement: { exportName: name, structured, contextNames } };
}

const END: Outcome = { kind: 'end' };

function answer(negotiation: Negotiation, send: readonly Buffer[]): NegotiationStep {
  return { negotiation, send, outcome: { kind: 'go-on' } };
}

function refuse(negotiation: Negotiation, option: number, type: number, text: string): NegotiationStep {
  return answer(negotiation, [encodeReply(option, type, text)]);
}

function drop(negotiation: Negotiation, reason: string): NegotiationStep {
  return { negotiation, send: [], outcome: { kind: 'drop', reason, violation: true } };
}
