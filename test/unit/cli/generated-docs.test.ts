import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { generateDocs } from '../../../scripts/generate-docs.ts';

describe('docs/ is what the tables say; “npm run docs” writes it', () => {
  test.each(Object.entries(generateDocs()))('%s', async (name, text) => {
    expect(await readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')).toBe(text);
  });
});
