import { describe, expect, test } from 'vitest';
import type { CommandCall } from '../../../src/cli/command.ts';
import { createProgress } from '../../../src/cli/progress.ts';

function onto(columns: number | null, { json = false, firstMs = 0 } = {}) {
  let written = '';
  const clock = { at: 1_000_000 };
  const terminal = {
    err: (text: string) => {
      written += text;
    },
    columns,
  };
  const call = { terminal, json } as unknown as CommandCall;
  const progress = createProgress(call, { firstMs, now: () => clock.at });
  return {
    progress,
    later: (ms: number) => {
      clock.at += ms;
    },
    take: () => {
      const taken = written;
      written = '';
      return taken;
    },
  };
}

describe('on a terminal', () => {
  test('a bar with rate and remaining time is written over and over, and goes in the end', () => {
    const { progress, later, take } = onto(100);
    progress.tell('calling beta', null);
    expect(take()).toBe('\r\u001b[Kcalling beta');
    progress.tell('1000 are missing', 1000);
    expect(take()).toBe(`\r\u001b[K[${'░'.repeat(20)}]   0 %: 1000 are missing`);
    later(4000);
    progress.tell('750 are missing', 750);
    expect(take()).toBe(`\r\u001b[K[${'█'.repeat(5)}${'░'.repeat(15)}]  25 %, 63 a second, 12 s left: 750 are missing`);
    later(12_000);
    progress.tell('none is missing', 0);
    expect(take()).toBe(`\r\u001b[K[${'█'.repeat(20)}] 100 %: none is missing`);
    progress.end();
    expect(take()).toBe('\r\u001b[K');
    progress.end();
    expect(take()).toBe('');
  });

  test('begins anew where more is to come, and promises nothing while nothing moves', () => {
    const { progress, later, take } = onto(100);
    progress.tell('ten', 10);
    later(5000);
    progress.tell('still ten', 10);
    progress.tell('a hundred', 100);
    later(2000);
    take();
    progress.tell('ninety', 90);
    expect(take()).toContain('10 %, 5.0 a second, 18 s left: ninety');
  });

  test('fits the line, and is not drawn on by names', () => {
    const { progress, take } = onto(30);
    progress.tell('\u001b[2J and much more than fits into this line', null);
    const line = take().slice('\r\u001b[K'.length);
    expect(line).toHaveLength(29);
    expect(line).toContain('\\x1b[2J');
  });
});

describe('without a terminal', () => {
  test('plain lines come now and then, and none twice', () => {
    const { progress, later, take } = onto(null);
    progress.tell('calling beta', null);
    progress.tell('900 are missing', 900);
    expect(take()).toBe('calling beta\n');
    later(5000);
    progress.tell('800 are missing', 800);
    later(5000);
    progress.tell('800 are missing', 800);
    expect(take()).toBe('800 are missing\n');
    progress.end();
    expect(take()).toBe('');
  });

  test('what is soon over says nothing where that is wanted, and programs hear nothing at all', () => {
    const patient = onto(null, { firstMs: 5000 });
    patient.progress.tell('one is missing', 1);
    expect(patient.take()).toBe('');
    patient.later(5000);
    patient.progress.tell('one is missing', 1);
    expect(patient.take()).toBe('one is missing\n');
    for (const columns of [null, 80]) {
      const silent = onto(columns, { json: true });
      silent.progress.tell('one is missing', 1);
      silent.progress.end();
      expect(silent.take()).toBe('');
    }
  });
});
