import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ERRORS } from '../../../src/base/errors.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { CAPABILITIES, PROTOCOL } from '../../../src/peer/link.ts';

const page = await readFile(new URL('../../../docs/PROTOCOL.md', import.meta.url), 'utf8');

test('the bounds on the protocol’s page are those of the limits table', () => {
  const rows = [...page.matchAll(/^\| `(\w+)`: .* \| (\d+) \|$/gm)];
  expect(rows.length).toBeGreaterThan(15);
  for (const [, name, value] of rows)
    expect({ [name!]: Number(value) }).toEqual({ [name!]: LIMITS[name as keyof typeof LIMITS] });
});

test('the page names the version and the capabilities this build speaks, and only error codes there are', () => {
  expect(page).toContain(`The present version is ${PROTOCOL.major}.${PROTOCOL.minor}.`);
  for (const capability of CAPABILITIES) expect(page).toContain(`\`${capability}\``);
  for (const [code] of page.matchAll(/\bPEER_[A-Z]+\b/g)) expect(Object.keys(ERRORS)).toContain(code);
});
