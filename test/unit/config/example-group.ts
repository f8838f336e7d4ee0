/** A valid group.yaml with real certificates, to be spoiled by tests. */
import { readFileSync } from 'node:fs';

/** config/group.yaml without its comments and blank lines, so that line numbers are easy to see. */
export const EXAMPLE_GROUP = readFileSync(new URL('../../../config/group.yaml', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => !line.trim().startsWith('#') && line.trim() !== '')
  .join('\n');

/** The example with one text replaced; fails if the text is not in it. */
export function spoiled(...replacements: readonly (readonly [string, string])[]): string {
  return replacements.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the example does not contain ${from}`);
    return text.replace(from, () => to);
  }, EXAMPLE_GROUP);
}

/** `12:7` of the first occurrence of `needle`. */
export function placeOf(text: string, needle: string): string {
  const offset = text.indexOf(needle);
  if (offset < 0) throw new Error(`the text does not contain ${needle}`);
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${before.at(-1)!.length + 1}`;
}
