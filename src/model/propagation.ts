/**
 * What a file of a propagation test tells of each connection it came over. Every member that gets the test's file answers
 * with a file of its own, which travels as any other and measures the ways out of that member; what each of them
 * saw of all these files stands in its answer.
 */

/** A file of the test, as one member got it. */
export interface TestArrival {
  /** The member that wrote the file. */
  readonly of: string;
  /** The partner it came from. */
  readonly from: string;
  /** When it was here, by the clock here; milliseconds since the Unix epoch. */
  readonly at: number;
  /** By how much the partner's clock is ahead of the one here, as both told each other when they connected. */
  readonly aheadMs: number;
}

export interface TestAnswer {
  readonly test: string;
  readonly member: string;
  /** When its own file was recorded and could be told of, by its clock; null: not yet. */
  readonly recordedAt: number | null;
  readonly arrivals: readonly TestArrival[];
}

/** Stands for the file of the test itself, whose writer those who get it do not know. */
export const THE_TEST = '*';

export interface EdgeLatency {
  readonly from: string;
  readonly to: string;
  readonly latencyMs: number;
  /** When the file was at its end, by the clock there. */
  readonly at: number;
}

const NAME = /^[^/]{1,64}$/u;
const MOST_ARRIVALS = 1024;

/** What a member wrote; null: it makes no sense, or is not what it says to be. */
export function parseTestAnswer(text: string, expected: Pick<TestAnswer, 'test' | 'member'>): TestAnswer | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { test, member, recordedAt, arrivals } = value as Record<string, unknown>;
  if (test !== expected.test || member !== expected.member) return null;
  if (recordedAt !== null && !isTime(recordedAt)) return null;
  if (!Array.isArray(arrivals) || arrivals.length > MOST_ARRIVALS || !arrivals.every(isArrival)) return null;
  const plain = arrivals.map(({ of, from, at, aheadMs }) => ({ of, from, at, aheadMs }));
  return { test: expected.test, member: expected.member, recordedAt, arrivals: plain };
}

/**
 * The latency of each edge that some file came over, each by the clock of its receiver, into which the sender's times are
 * translated. Of several files the one that was fastest counts: what an edge can do.
 */
export function edgeLatencies(origin: string, given: readonly TestAnswer[]): EdgeLatency[] {
  const answers = given.map(answer => ({
    ...answer,
    arrivals: answer.arrivals.map(each => (each.of === THE_TEST ? { ...each, of: origin } : each)),
  }));
  const byMember = new Map(answers.map(answer => [answer.member, answer]));
  const timeAt = (member: string, of: string): number | null => {
    const answer = byMember.get(member);
    if (!answer) return null;
    return member === of ? answer.recordedAt : (answer.arrivals.find(each => each.of === of)?.at ?? null);
  };
  const fastest = new Map<string, EdgeLatency>();
  for (const { member: to, arrivals } of answers) {
    for (const { of, from, at, aheadMs } of arrivals) {
      const sent = timeAt(from, of);
      if (sent === null || from === to) continue;
      const edge = { from, to, at, latencyMs: Math.max(0, Math.round(at + aheadMs - sent)) };
      const known = fastest.get(`${from}/${to}`);
      if (!known || known.latencyMs > edge.latencyMs) fastest.set(`${from}/${to}`, edge);
    }
  }
  return [...fastest.values()];
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 && value < 1e15;
}

function isArrival(value: unknown): value is TestArrival {
  if (typeof value !== 'object' || value === null) return false;
  const { of, from, at, aheadMs } = value as Record<string, unknown>;
  const isName = (name: unknown): boolean => typeof name === 'string' && NAME.test(name);
  return isName(of) && isName(from) && isTime(at) && typeof aheadMs === 'number' && Number.isFinite(aheadMs);
}
