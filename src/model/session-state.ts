/** The states of a synchronisation session, and what moves it from one to another. [dfsr.md §2.2] */

export type SessionState =
  | 'initialized'
  | 'connecting'
  | 'in-progress'
  | 'completed'
  | 'in-sync'
  | 'interrupted'
  | 'in-error';

export type SessionEvent =
  | 'connection-trying'
  | 'connection-established'
  | 'disconnected'
  | 'schedule-off'
  | 'connection-failed'
  | 'forced'
  | 'config-changed'
  | 'no-more-updates';

type Arrows = Readonly<Partial<Record<SessionEvent, SessionState>>>;

export const SESSION_START: SessionState = 'initialized';

const ARROWS: Readonly<Record<SessionState, Arrows>> = {
  initialized: { 'connection-trying': 'connecting', 'connection-established': 'in-progress' },
  connecting: {
    'connection-established': 'in-progress',
    'schedule-off': 'completed',
    'connection-failed': 'in-error',
    forced: 'interrupted',
  },
  'in-progress': {
    disconnected: 'connecting',
    forced: 'interrupted',
    'config-changed': 'interrupted',
    'no-more-updates': 'in-sync',
  },
  completed: {},
  'in-sync': {},
  interrupted: {},
  'in-error': {},
};

/** The sending side cannot know of these. */
const INBOUND_ONLY: ReadonlySet<SessionEvent> = new Set([
  'connection-trying',
  'connection-failed',
  'forced',
  'config-changed',
  'no-more-updates',
]);

export interface SessionWay {
  readonly state: SessionState;
  readonly inbound: boolean;
}

/** Where the arrow leads; null: the diagram has none. */
export function stepSession({ state, inbound }: SessionWay, event: SessionEvent): SessionState | null {
  if (!inbound && INBOUND_ONLY.has(event)) return null;
  return ARROWS[state][event] ?? null;
}

/** Nothing leads on: whatever follows is another session. */
export function isSessionOver(state: SessionState): boolean {
  return Object.keys(ARROWS[state]).length === 0;
}

/**
 * What happens one after the other to a session in this state when its connection is not to be used any longer: the
 * diagram has no arrow for a window that closes on a session in progress, so it is disconnected first.
 */
export function closingOfSession(
  { state, inbound }: SessionWay,
  cause: 'schedule-off' | 'config-changed',
): readonly SessionEvent[] {
  switch (state) {
    case 'initialized':
      return [
        inbound ? 'connection-trying' : 'connection-established',
        ...(inbound ? [] : DISCONNECTED),
        'schedule-off',
      ];
    case 'connecting':
      return ['schedule-off'];
    case 'in-progress':
      return inbound && cause === 'config-changed' ? ['config-changed'] : [...DISCONNECTED, 'schedule-off'];
    default:
      return [];
  }
}

const DISCONNECTED: readonly SessionEvent[] = ['disconnected'];
