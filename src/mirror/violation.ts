import { TandemError } from '../base/errors.ts';

/** PEER_VIOLATION; `what` the partner does. */
export function violation(what: string): TandemError {
  return new TandemError('PEER_VIOLATION', `the partner ${what}`);
}
