/** What the scanner finds when hints come late, under paths of before, or not at all. No regular scan comes to its aid. */
import { afterEach, describe, expect, it } from 'vitest';
import { groupWith, type Pair, ROOT, startPair, type TestMember } from '../daemon/two-members.ts';

const QUIET_MS = 60;
let pair: Pair;
afterEach(() => pair.stop());

const at = (path: string) => `${ROOT}/${path}`;
const names = ({ user }: TestMember) => [...user.snapshot(ROOT, { without: ['.tandem'] }).keys()].sort();

const folderOf = ({ member }: TestMember) => [...member.folders.values()][0]!;

async function start(): Promise<Pair> {
  pair = await startPair(groupWith({ quietMs: QUIET_MS, rescanMs: 3_600_000 }));
  pair.alpha.user.writeFile(at('always here'), 'x');
  pair.alpha.hint();
  await expect.poll(() => names(pair.beta)).toEqual(['always here']);
  return pair;
}

/** Longer than files need to come to rest. */
const rest = () => new Promise(resolve => setTimeout(resolve, 3 * QUIET_MS));

describe('a directory that moves', () => {
  it('takes its restless files along', async () => {
    const { alpha, beta } = await start();
    alpha.user.writeFile(at('a/b/first'), '1');
    alpha.hint();
    await expect.poll(() => names(beta)).toContain('a/b/first');
    alpha.user.writeFile(at('a/b/second'), '2');
    alpha.hint('a/b');
    await folderOf(alpha).scanner.look(['']);
    alpha.user.rename(at('a'), at('z'));
    alpha.hint();
    await expect
      .poll(() => names(beta), { timeout: 5000 })
      .toEqual(['always here', 'z', 'z/b', 'z/b/first', 'z/b/second']);
  });

  it('is looked at with all that is below: what was hinted at under its old path is found at the new one', async () => {
    const { alpha, beta } = await start();
    for (const path of ['a/b/c/first', 'a/d/first']) alpha.user.writeFile(at(path), path);
    alpha.hint();
    await expect.poll(() => names(beta)).toContain('a/d/first');
    alpha.user.rename(at('a'), at('z'));
    alpha.user.writeFile(at('z/b/c/second'), '2');
    await rest();
    alpha.hint('a/b/c');
    alpha.hint('z/b/c');
    await expect.poll(() => names(beta), { timeout: 5000 }).toContain('z/b/c/second');
    expect(names(beta)).toEqual(names(alpha));
  });

  it('is followed when another one has its name by then', async () => {
    const { alpha, beta } = await start();
    for (let i = 0; i < 20; i++) alpha.user.writeFile(at(`modules/p${i}/lib/index`), `content ${i}`);
    alpha.hint();
    await expect.poll(() => names(beta)).toContain('modules/p19/lib/index');
    alpha.user.rename(at('modules'), at('old'));
    for (let i = 0; i < 20; i++) alpha.user.writeFile(at(`old/p${i}/lib/more`), `more ${i}`);
    alpha.user.writeFile(at('modules/p3/lib/index'), 'content 3');
    alpha.user.rename(at('old'), at('modules/nested'));
    await rest();
    alpha.hint();
    await expect.poll(() => names(beta), { timeout: 10_000 }).toEqual(names(alpha));
  });
});

describe('content that a partner asks for and that is not as recorded', () => {
  it('has its directory looked at, and what follows is asked for soon', async () => {
    const { alpha, beta } = await start();
    pair.cut('alpha', true);
    alpha.user.writeFile(at('a/b/file'), 'before');
    alpha.hint();
    await expect.poll(() => folderOf(alpha).core.store.counts.files).toBe(2);
    // Nobody hints at this.
    alpha.user.writeFile(at('a/b/file'), 'after it');
    await rest();
    pair.cut('alpha', false);
    await expect.poll(() => names(beta), { timeout: 10_000 }).toContain('a/b/file');
    expect(beta.user.readFile(at('a/b/file')).toString()).toBe('after it');
  });

  it('is looked for from the first directory above that is still there', async () => {
    const { alpha, beta } = await start();
    pair.cut('alpha', true);
    for (const path of ['a/b/c/one', 'a/b/c/two']) alpha.user.writeFile(at(path), path);
    alpha.hint();
    await expect.poll(() => folderOf(alpha).core.store.counts.files).toBe(3);
    // Nor at this.
    alpha.user.rename(at('a'), at('z'));
    await rest();
    pair.cut('alpha', false);
    await expect.poll(() => names(beta), { timeout: 10_000 }).toContain('z/b/c/two');
    await expect.poll(() => names(beta)).toEqual(names(alpha));
  });
});
