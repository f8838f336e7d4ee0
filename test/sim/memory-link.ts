/**
 * A network in memory: calls of one member to another's service, with delays, partitions and breaks that a seed decides.
 * Messages of one stream keep their order, those of different calls do not. A broken call fails with PEER_UNREACHABLE.
 */
import { messageOf, TandemError } from '../../src/base/errors.ts';
import { checkUpdate } from '../../src/model/update-rules.ts';
import type { ContentRequest, FolderLink, FolderPeerService, UpdatesAnswer } from '../../src/peer/link.ts';
import type { SimTime } from './sim-clock.ts';
import type { SimRandom } from './sim-random.ts';

/** One run of a member's daemon, as the network knows it. */
export interface Endpoint {
  readonly name: string;
  alive: boolean;
  /** Null: it does not listen. */
  service: FolderPeerService | null;
}

export interface NetworkOptions {
  readonly time: SimTime;
  readonly random: SimRandom;
  /** Told of each message that arrives: part of what must be the same in two runs of a seed. */
  readonly note: (line: string) => void;
  /** Told of what must never happen: an error that is no TandemError, or an update that breaks the rules. */
  readonly bug: (what: string) => void;
}

/** How long a partition holds a message back before the call is given up. */
const GIVE_UP_MS = 20_000;

export class SimNetwork {
  readonly #options: NetworkOptions;
  readonly #listening = new Map<string, Endpoint>();
  readonly #blocked = new Set<string>();
  readonly #calls = new Set<Call>();
  /** Chance that a message breaks its call. */
  cutChance = 0;
  /** Chance that a message takes seconds. */
  lagChance = 0;
  /** Updates that have gone over the network. */
  updatesSent = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  attach(endpoint: Endpoint): void {
    this.#listening.set(endpoint.name, endpoint);
  }

  block(a: string, b: string): void {
    this.#blocked.add(pairKey(a, b));
  }

  unblockAll(): void {
    this.#blocked.clear();
  }

  /** The host went down: partners notice after a while, or sooner. */
  crashed(endpoint: Endpoint): void {
    const { time, random } = this.#options;
    for (const call of this.#calls) {
      if (call.callee === endpoint) time.after(random.between(0, 5000), () => call.break());
      if (call.caller === endpoint) time.after(random.between(0, 5000), () => call.serverEnd.abort());
    }
  }

  /** The daemon stops cleanly: it listens no more and ends all calls. */
  closed(endpoint: Endpoint): void {
    endpoint.service = null;
    for (const call of this.#calls) if (call.callee === endpoint) call.break();
  }

  link(caller: Endpoint, target: string): FolderLink {
    const closing = new AbortController();
    const open = (signal: AbortSignal) => this.#open(caller, target, signal, closing.signal);
    return {
      checkConnectivity: (request, signal) =>
        this.#once(open(signal), 'check', (service, name) => service.checkConnectivity(name, copy(request))),
      establishConnection: (hello, signal) =>
        this.#once(open(signal), 'hello', (service, name) => service.establishConnection(name, copy(hello))),
      cancelUpdates: (request, signal) =>
        this.#once(open(signal), 'cancel', (service, name) => service.cancelUpdates(name, copy(request))),
      watchVectors: (request, signal) =>
        this.#stream(open(signal), 'vector', (service, call) =>
          service.watchVectors(call.caller.name, copy(request), call.serverEnd.signal),
        ),
      requestUpdates: (request, signal) =>
        this.#stream(open(signal), 'updates', (service, call) =>
          service.requestUpdates(call.caller.name, copy(request), call.serverEnd.signal),
        ),
      requestRecords: (request, signal) =>
        this.#stream(open(signal), 'records', (service, call) =>
          service.requestRecords(call.caller.name, copy(request), call.serverEnd.signal),
        ),
      fetchContent: (requests, connection, signal) =>
        this.#stream(open(signal), 'content', (service, call) =>
          service.fetchContent(call.caller.name, this.#upstream(call, requests), connection, call.serverEnd.signal),
        ),
      close: () => closing.abort(),
    };
  }

  #open(caller: Endpoint, target: string, signal: AbortSignal, closing: AbortSignal): Call {
    const call = new Call(caller, target, [signal, closing], () => this.#calls.delete(call));
    this.#calls.add(call);
    return call;
  }

  async #once<T>(
    call: Call,
    what: string,
    invoke: (service: FolderPeerService, name: string) => Promise<T>,
  ): Promise<T> {
    try {
      await call.until(this.#hop(call));
      const service = this.#accept(call);
      const answer = await call.until(this.#served(invoke(service, call.caller.name)));
      await call.until(this.#hop(call));
      this.#note(call, what);
      return copy(answer);
    } finally {
      call.close();
    }
  }

  async *#stream<T>(
    call: Call,
    what: string,
    start: (service: FolderPeerService, call: Call) => AsyncIterable<T>,
  ): AsyncGenerator<T> {
    let items: AsyncIterator<T> | undefined;
    try {
      await call.until(this.#hop(call));
      items = start(this.#accept(call), call)[Symbol.asyncIterator]();
      for (;;) {
        const result = await call.until(this.#served(items.next()));
        await call.until(this.#hop(call));
        if (result.done) return;
        this.#note(call, what);
        if (what === 'updates') this.#checkUpdates(result.value as UpdatesAnswer);
        yield copy(result.value);
      }
    } finally {
      call.close();
      const { time, random } = this.#options;
      time.after(random.between(0, 30), () => {
        call.serverEnd.abort();
        items?.return?.()?.catch(() => {});
      });
    }
  }

  /** The requests on their way to the service. */
  async *#upstream(call: Call, requests: AsyncIterable<ContentRequest>): AsyncGenerator<ContentRequest> {
    const source = requests[Symbol.asyncIterator]();
    const { signal } = call.serverEnd;
    try {
      for (;;) {
        const result = await unlessAborted(source.next(), signal);
        await unlessAborted(this.#hop(call), signal);
        if (result.done) return;
        this.#note(call, result.value.kind);
        yield copy(result.value);
      }
    } catch (error) {
      call.break();
      throw error instanceof TandemError ? error : new TandemError('CANCELLED', 'the caller went away', {}, error);
    } finally {
      source.return?.()?.catch(() => {});
    }
  }

  #accept(call: Call): FolderPeerService {
    const callee = this.#listening.get(call.target);
    if (!callee?.alive || !callee.service) throw new TandemError('PEER_UNREACHABLE', `${call.target} does not listen`);
    call.callee = callee;
    return callee.service;
  }

  /** One message on its way. */
  async #hop(call: Call): Promise<void> {
    const { time, random } = this.#options;
    await time.wait(random.chance(this.lagChance) ? random.between(100, 4000) : random.between(0.1, 20));
    if (random.chance(this.cutChance)) call.break();
    const since = time.now;
    while (!call.broken && this.#blocked.has(pairKey(call.caller.name, call.target))) {
      if (time.now - since > GIVE_UP_MS) call.break();
      else await time.wait(500);
    }
    if (call.broken) throw unreachableError(call.target);
  }

  async #served<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof TandemError && error.code !== 'INTERNAL') throw error;
      this.#options.bug(`a service threw: ${error instanceof Error ? error.stack : messageOf(error)}`);
      throw new TandemError('PEER_UNREACHABLE', messageOf(error));
    }
  }

  #checkUpdates(answer: UpdatesAnswer): void {
    if (answer.kind !== 'updates') return;
    this.updatesSent += answer.updates.length;
    for (const update of answer.updates) {
      const problem = checkUpdate(update);
      if (problem !== null) this.#options.bug(`an update breaks the rules: ${problem}`);
    }
  }

  #note(call: Call, what: string): void {
    this.#options.note(`${call.caller.name}<-${call.target} ${what}`);
  }
}

class Call {
  readonly caller: Endpoint;
  readonly target: string;
  callee: Endpoint | null = null;
  broken = false;
  readonly serverEnd = new AbortController();
  readonly #signals: readonly AbortSignal[];
  readonly #ended: () => void;
  readonly #onBreak = new Set<() => void>();

  constructor(caller: Endpoint, target: string, signals: readonly AbortSignal[], ended: () => void) {
    this.caller = caller;
    this.target = target;
    this.#signals = signals;
    this.#ended = ended;
  }

  break(): void {
    if (this.broken) return;
    this.broken = true;
    this.serverEnd.abort();
    for (const listener of [...this.#onBreak]) listener();
  }

  close(): void {
    this.#ended();
  }

  /** As the caller sees it: over at once when it aborts or the call breaks; for a dead caller nothing ever happens. */
  until<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const finish = (act: () => void): void => {
        this.#onBreak.delete(onBreak);
        for (const signal of this.#signals) signal.removeEventListener('abort', onAbort);
        if (this.caller.alive) act();
      };
      const onBreak = (): void => finish(() => reject(unreachableError(this.target)));
      const onAbort = (): void => finish(() => reject(new TandemError('CANCELLED', 'the call was given up')));
      promise.then(
        value => finish(() => resolve(value)),
        error => finish(() => reject(error)),
      );
      if (this.#signals.some(signal => signal.aborted)) return onAbort();
      if (this.broken) return onBreak();
      this.#onBreak.add(onBreak);
      for (const signal of this.#signals) signal.addEventListener('abort', onAbort);
    });
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(new TandemError('CANCELLED', 'the caller went away'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function unreachableError(target: string): TandemError {
  return new TandemError('PEER_UNREACHABLE', `the link to ${target} broke`);
}

function pairKey(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}

function copy<T>(value: T): T {
  return structuredClone(value);
}
