/** Messages about a transition that somebody waits for; those that come before they are waited for are kept for a while. */
import { TandemError } from '../base/errors.ts';
import type { MirrorMessage } from '../model/mirror-message.ts';

export type Transitional = Extract<MirrorMessage, { readonly id: string }>;
export type MessageOf<K extends MirrorMessage['kind']> = Extract<MirrorMessage, { kind: K }>;

interface Expected {
  readonly kind: MirrorMessage['kind'];
  readonly id: string;
  readonly resolve: (message: never) => void;
  readonly reject: (error: TandemError) => void;
}

/** What may come before it is waited for. */
const EARLY_MESSAGES = 16;

export class ExpectedMessages {
  #expected: Expected[] = [];
  readonly #early: Transitional[] = [];
  #ended: TandemError | null = null;

  /** Rejects with what the partner refuses it for, or what ended the stream. */
  expect<K extends MirrorMessage['kind']>(kind: K, id: string): Promise<MessageOf<K>> {
    const at = this.#early.findIndex(message => message.kind === kind && message.id === id);
    if (at !== -1) return Promise.resolve(this.#early.splice(at, 1)[0] as MessageOf<K>);
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#expected.push({ kind, id, resolve, reject }));
  }

  /** PEER_VIOLATION where more comes than anybody can wait for. */
  take(message: Transitional): void {
    const at = this.#expected.findIndex(({ kind, id }) => kind === message.kind && id === message.id);
    if (at !== -1) this.#expected.splice(at, 1)[0]!.resolve(message as never);
    else if (this.#early.length < EARLY_MESSAGES) this.#early.push(message);
    else throw new TandemError('PEER_VIOLATION', 'the partner speaks of changes that nobody has proposed');
  }

  refuse(id: string, sentence: string): void {
    const error = new TandemError('REFUSED', sentence);
    for (const expected of this.#expected.filter(one => one.id === id)) expected.reject(error);
    this.#expected = this.#expected.filter(one => one.id !== id);
  }

  end(error: TandemError): void {
    this.#ended = error;
    for (const { reject } of this.#expected.splice(0)) reject(error);
  }
}
