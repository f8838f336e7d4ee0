/** The states of a connection, and what moves it from one to another. [dfsr.md §2.1] */

export type ConnectionState = 'connecting' | 'online' | 'offline' | 'in-error';

export type ConnectionEvent =
  | 'schedule-on'
  | 'schedule-off'
  | 'config-changed'
  | 'established'
  | 'disconnected'
  /** Failed to connect after multiple retries. */
  | 'gave-up'
  /** Not drawn, but the page's events say that the connection is retried periodically. */
  | 'retrying';

type Arrows = Readonly<Partial<Record<ConnectionEvent, ConnectionState>>>;

export const CONNECTION_START: ConnectionState = 'offline';

const ARROWS: Readonly<Record<ConnectionState, Arrows>> = {
  offline: { 'schedule-on': 'connecting' },
  connecting: { 'schedule-off': 'offline', 'config-changed': 'offline', established: 'online', 'gave-up': 'in-error' },
  online: { disconnected: 'connecting' },
  'in-error': { retrying: 'connecting', 'schedule-off': 'offline', 'config-changed': 'offline' },
};

/** Where the arrow leads; null: the diagram has none. */
export function stepConnection(state: ConnectionState, event: ConnectionEvent): ConnectionState | null {
  return ARROWS[state][event] ?? null;
}

/** What happens one after the other when a connection in this state is not to be used any longer. */
export function closingOfConnection(
  state: ConnectionState,
  cause: 'schedule-off' | 'config-changed',
): readonly ConnectionEvent[] {
  if (state === 'offline') return [];
  return state === 'online' ? ['disconnected', cause] : [cause];
}
