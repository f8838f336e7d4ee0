import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { createForceFile } from '../../../src/daemon/force-file.ts';
import { NO_FORCES, orderFolderForce, orderForce } from '../../../src/model/force.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tandem-forces-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const open = () => createForceFile({ home, log: silentLog });

test('orders are there again after a restart', () => {
  const stop = orderForce({ mode: 3, durationMinutes: 60, level: 0 }, 1000);
  const both = orderFolderForce(stop, 'docs', { durationMinutes: 5, level: 7 }, 1000);
  const file = open();
  file.set('one', both);
  file.set('two', stop);
  file.set('two', NO_FORCES);
  const again = open();
  expect(again.get('one')).toEqual(both);
  expect(again.get('two')).toBeUndefined();
  expect(readdirSync(home)).toEqual(['forces.json']);
});

test.each(['', '{', '[]', '{"one":{"connection":{"reason":"forced","endTime":1,"level":16},"folders":{}}}'])(
  'a file that holds “%s” is left aside',
  content => {
    writeFileSync(join(home, 'forces.json'), content);
    expect(open().get('one')).toBeUndefined();
  },
);

test('a home that cannot be written keeps orders for as long as the daemon runs', () => {
  const file = createForceFile({ home: join(home, 'missing'), log: silentLog });
  const stop = orderForce({ mode: 3, durationMinutes: 60, level: 0 }, 1000);
  file.set('one', stop);
  expect(file.get('one')).toBe(stop);
});
