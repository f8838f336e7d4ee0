/** Every arrow of the two diagrams, and no other. [dfsr.md §2.1, §2.2] */
import { describe, expect, test } from 'vitest';
import {
  CONNECTION_START,
  type ConnectionEvent,
  type ConnectionState,
  closingOfConnection,
  stepConnection,
} from '../../../src/model/connection-state.ts';
import {
  closingOfSession,
  isSessionOver,
  SESSION_START,
  type SessionEvent,
  type SessionState,
  stepSession,
} from '../../../src/model/session-state.ts';

const CONNECTION_ARROWS: readonly (readonly [ConnectionState, ConnectionEvent, ConnectionState])[] = [
  ['offline', 'schedule-on', 'connecting'],
  ['connecting', 'schedule-off', 'offline'],
  ['connecting', 'config-changed', 'offline'],
  ['connecting', 'established', 'online'],
  ['online', 'disconnected', 'connecting'],
  ['connecting', 'gave-up', 'in-error'],
  // Not drawn: the way out of In Error.
  ['in-error', 'retrying', 'connecting'],
  ['in-error', 'schedule-off', 'offline'],
  ['in-error', 'config-changed', 'offline'],
];
const CONNECTION_STATES = ['connecting', 'online', 'offline', 'in-error'] as const;
const CONNECTION_EVENTS = [...new Set(CONNECTION_ARROWS.map(([, event]) => event))];

const SESSION_ARROWS: readonly (readonly [SessionState, SessionEvent, SessionState, 'inbound' | 'both'])[] = [
  ['initialized', 'connection-trying', 'connecting', 'inbound'],
  ['initialized', 'connection-established', 'in-progress', 'both'],
  ['connecting', 'connection-established', 'in-progress', 'both'],
  ['in-progress', 'disconnected', 'connecting', 'both'],
  ['connecting', 'schedule-off', 'completed', 'both'],
  ['connecting', 'connection-failed', 'in-error', 'inbound'],
  ['connecting', 'forced', 'interrupted', 'inbound'],
  ['in-progress', 'forced', 'interrupted', 'inbound'],
  ['in-progress', 'config-changed', 'interrupted', 'inbound'],
  ['in-progress', 'no-more-updates', 'in-sync', 'inbound'],
];
const SESSION_STATES = [
  'initialized',
  'connecting',
  'in-progress',
  'completed',
  'in-sync',
  'interrupted',
  'in-error',
] as const;
const SESSION_EVENTS = [...new Set(SESSION_ARROWS.map(([, event]) => event))];

describe('a connection', () => {
  test('begins Offline and follows the arrows, and no others', () => {
    expect(CONNECTION_START).toBe('offline');
    for (const state of CONNECTION_STATES) {
      for (const event of CONNECTION_EVENTS) {
        const arrow = CONNECTION_ARROWS.find(([from, by]) => from === state && by === event);
        expect(stepConnection(state, event), `${state} ${event}`).toBe(arrow?.[2] ?? null);
      }
    }
  });

  test.each(CONNECTION_STATES)('that is %s comes to Offline when it is not to be used any longer', state => {
    for (const cause of ['schedule-off', 'config-changed'] as const) {
      const end = closingOfConnection(state, cause).reduce<ConnectionState>((at, event) => {
        const next = stepConnection(at, event);
        expect(next).not.toBeNull();
        return next!;
      }, state);
      expect(end).toBe('offline');
    }
  });
});

describe('a session', () => {
  test.each(['inbound', 'outbound'])(
    'that is %s begins Initialized and follows the arrows, and no others',
    direction => {
      expect(SESSION_START).toBe('initialized');
      const inbound = direction === 'inbound';
      for (const state of SESSION_STATES) {
        for (const event of SESSION_EVENTS) {
          const arrow = SESSION_ARROWS.find(
            ([from, by, , whose]) => from === state && by === event && (inbound || whose === 'both'),
          );
          expect(stepSession({ state, inbound }, event), `${state} ${event}`).toBe(arrow?.[2] ?? null);
        }
      }
    },
  );

  test('is over where no arrow leads on', () => {
    expect(SESSION_STATES.filter(isSessionOver)).toEqual(['completed', 'in-sync', 'interrupted', 'in-error']);
  });

  test.each([
    ['in-progress', true, 'config-changed', 'interrupted'],
    ['in-progress', true, 'schedule-off', 'completed'],
    ['in-progress', false, 'config-changed', 'completed'],
    ['connecting', true, 'config-changed', 'completed'],
    ['connecting', false, 'schedule-off', 'completed'],
    ['initialized', true, 'schedule-off', 'completed'],
    ['initialized', false, 'schedule-off', 'completed'],
  ] as const)('that is %s (inbound: %s) and meets %s ends %s', (state, inbound, cause, end) => {
    const reached = closingOfSession({ state, inbound }, cause).reduce<SessionState>((at, event) => {
      const next = stepSession({ state: at, inbound }, event);
      expect(next).not.toBeNull();
      return next!;
    }, state);
    expect(reached).toBe(end);
  });
});
