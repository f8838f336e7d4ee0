import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DividedDisk, Hashed, Operation } from '../../../src/disk/disk.ts';
import { using } from '../../../src/disk/file-system.ts';
import type { Stat } from '../../../src/model/update.ts';
import {
  applyOne,
  asKnown,
  installOperation,
  item,
  listAside,
  MARKER,
  MTIME,
  makeDisk,
  order,
  request,
  scanOne,
  sha,
  statOf,
  WORLDS,
  type World,
} from './worlds.ts';

describe.each(WORLDS)('a disk on $name', ({ make }) => {
  let world: World;
  let disk: DividedDisk;
  beforeEach(async () => {
    world = make();
    disk = makeDisk(world);
    await disk.claim(MARKER);
  });
  afterEach(() => world.close());

  describe('root', () => {
    it('is known again by its marker', async () => {
      expect(await disk.probe()).toMatchObject({ kind: 'directory', marker: MARKER, empty: true });
      world.user.write('a', 'x');
      await disk.claim({ ...MARKER, generation: 2 });
      expect(await makeDisk(world).probe()).toMatchObject({ marker: { generation: 2 }, empty: false });
      expect((await disk.space()).totalBytes).toBeGreaterThan(0);
    });

    it('without a marker, or with a torn one, has none', async () => {
      world.user.write('.tandem/marker.json', '{"folder": "x"');
      expect(await disk.probe()).toMatchObject({ kind: 'directory', marker: null });
      world.user.remove('.tandem');
      expect(await disk.probe()).toMatchObject({ kind: 'directory', marker: null, empty: true });
      await expect(disk.scan([request('')])).rejects.toMatchObject({ code: 'MARKER_MISSING' });
      await expect(disk.apply([])).rejects.toMatchObject({ code: 'MARKER_MISSING' });
    });

    it('that belongs to another folder now is refused', async () => {
      world.user.remove('.tandem/marker.json');
      world.user.write('other', '');
      world.user.write('.tandem/marker.json', JSON.stringify({ ...MARKER, folder: 'folder-2' }));
      await expect(disk.look(['a'])).rejects.toMatchObject({ code: 'MARKER_MISSING' });
    });

    it('that is gone or a file says so', async () => {
      const gone = makeDisk({ ...world, root: `${world.root}/none` });
      expect(await gone.probe()).toMatchObject({ kind: 'missing' });
      await expect(gone.scan([request('')])).rejects.toMatchObject({ code: 'ROOT_MISSING' });
      await expect(gone.claim(MARKER)).rejects.toMatchObject({ code: 'ROOT_MISSING' });
      world.user.write('file', '');
      expect(await makeDisk({ ...world, root: `${world.root}/file` }).probe()).toMatchObject({
        kind: 'not-a-directory',
      });
    });
  });

  describe('scan', () => {
    it('finds what is new with its content, and then nothing', async () => {
      world.user.write('a', 'hello');
      world.user.makeDirectory('d');
      world.user.symlink('l', '/etc/passwd');
      const first = await scanOne(disk, '');
      expect(first.found.map(f => [f.name, f.stat.kind, f.target, f.content?.hash ?? null])).toEqual([
        ['a', 'file', '', sha('hello')],
        ['d', 'directory', '', null],
        ['l', 'symlink', '/etc/passwd', null],
      ]);
      const second = await scanOne(disk, '', asKnown(first.found));
      expect(second).toMatchObject({ found: [], gone: [], unsupported: [], unchanged: 3 });
    });

    it('finds edits, replacements and deletions', async () => {
      for (const name of ['edited', 'replaced', 'gone', 'same', 'linked']) world.user.write(name, name);
      const known = asKnown((await scanOne(disk, '')).found);
      world.user.append('edited', '!');
      world.user.write('fresh', 'replaced');
      world.user.rename('fresh', 'replaced');
      world.user.remove('gone');
      world.user.link('linked', 'second');
      const answer = await scanOne(disk, '', known);
      expect(answer.found.map(f => f.name)).toEqual(['edited', 'linked', 'replaced', 'second']);
      expect(answer.found[1]?.stat.nlink).toBe(2);
      expect(answer).toMatchObject({ gone: ['gone'], unchanged: 1 });
    });

    it('answers in the order of the requests, and tells missing directories', async () => {
      world.user.write('d/x', '1');
      world.user.symlink('l', 'd');
      const answers = await disk.scan([
        request('none'),
        request('d'),
        request('l'),
        request('d/x'),
        request('d/none/deeper'),
      ]);
      expect(answers.map(a => a.kind)).toEqual(['missing', 'listed', 'missing', 'missing', 'missing']);
    });

    it('does not see what is excluded, and does not call it gone', async () => {
      world.user.write('a.tmp', 'x');
      world.user.write('node_modules/y', 'x');
      world.user.write('sub/.tandem/z', 'x');
      expect((await scanOne(disk, '')).found.map(f => f.name)).toEqual(['sub']);
      expect((await scanOne(disk, 'sub')).found.map(f => f.name)).toEqual(['.tandem']);
      const stat = (await disk.look(['a.tmp']))[0]!;
      const answer = await scanOne(disk, '', [
        { name: 'a.tmp', stat },
        { name: 'b.tmp', stat },
      ]);
      expect(answer).toMatchObject({ gone: [], unchanged: 2 });
      expect(answer.found.map(f => f.name)).toEqual(['sub']);
    });

    it('leaves files alone that were changed a moment ago', async () => {
      world.user.write('a', 'x');
      const [answer] = await disk.scan([{ ...request(''), quietMs: 60_000 }]);
      expect(answer).toMatchObject({ found: [{ name: 'a', hot: true, content: null }] });
    });

    it('does not hash what is larger than asked for', async () => {
      world.user.write('a', 'x'.repeat(100));
      const [answer] = await disk.scan([{ ...request(''), hashUpToBytes: 99 }]);
      expect(answer).toMatchObject({ found: [{ name: 'a', hot: false, content: null }] });
    });

    it('reports names that are not UTF-8 and leaves them alone', async () => {
      world.user.write('a', 'x');
      using(world.files.openRoot(world.root), root => root.rename('a', root, Buffer.from([0x61, 0xfe])));
      expect(await scanOne(disk, '')).toMatchObject({
        found: [],
        unsupported: [{ name: 'a\\xfe', reason: 'non-utf8-name' }],
      });
      world.user.makeDirectory('d');
      using(world.files.openRoot(world.root), root =>
        using(root.openDirectory('d'), d => root.rename(Buffer.from([0x61, 0xfe]), d, Buffer.from([0x61, 0xfe]))),
      );
      expect(await applyOne(disk, { kind: 'remove-directory', path: 'd' })).toMatchObject({
        kind: 'not-empty',
        names: ['a\\xfe'],
      });
      await applyOne(disk, { kind: 'preserve', path: 'd', preserve: order('d') });
      const [preserved] = await disk.preserved('conflicts');
      expect(preserved).toMatchObject({ kind: 'directory', files: 1, size: 1 });
      expect(await disk.restorePreserved('conflicts', preserved!.id, 'copy', true)).toBe('restored');
      expect(await disk.deletePreserved('conflicts', preserved!.id)).toBe('deleted');
    });

    it('copes with every name', async () => {
      const names = ['a'.repeat(255), 'two\nlines', 'ä', 'a\u0308', 'x', 'X', ' '].sort();
      for (const name of names) world.user.write(name, name);
      const { found } = await scanOne(disk, '');
      expect(found.map(f => f.name)).toEqual(names);
      expect(await scanOne(disk, '', asKnown(found))).toMatchObject({ unchanged: names.length, found: [] });
    });
  });

  describe('reading', () => {
    it('hashes large files in chunks that add up', async () => {
      const data = Buffer.alloc(3_000_000);
      for (let i = 0; i < data.length; i++) data[i] = (i * 2654435761) >>> 13;
      world.user.write('big', data);
      const stat = (await disk.look(['big']))[0]!;
      const hashed = await disk.hash('big', stat);
      if (typeof hashed === 'string' || hashed.recipe === null) throw new Error('no recipe');
      expect(hashed.hash).toBe(sha(data));
      expect(hashed.recipe.lengths.reduce((a, b) => a + b, 0)).toBe(data.length);
      expect(hashed.recipe.hashes.length).toBe(hashed.recipe.lengths.length);
      expect(await disk.hash('big', { ...stat, ctimeNs: 1n })).toBe('changed');
      expect(await disk.hash('none', stat)).toBe('gone');
      await expect(disk.hash('big', stat, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    });

    it('gives content only of files that look as they should', async () => {
      world.user.write('a', 'hello');
      world.user.write('d/b', '');
      const [a, b] = await disk.look(['a', 'd/b']);
      world.user.write('c', 'new');
      const c = (await disk.look(['c']))[0]!;
      world.user.append('c', '!');
      const answers = await disk.readWhole([
        { path: 'a', stat: a! },
        { path: 'c', stat: c },
        { path: 'd/b', stat: b! },
        { path: 'd/none', stat: b! },
        { path: 'none/x', stat: b! },
      ]);
      expect(answers.map(x => (typeof x === 'string' ? x : Buffer.from(x).toString()))).toEqual([
        'hello',
        'changed',
        '',
        'gone',
        'gone',
      ]);
      expect(await disk.readRange({ path: 'a', stat: a! }, 1, 3)).toEqual(new Uint8Array(Buffer.from('ell')));
      expect(await disk.readRange({ path: 'a', stat: a! }, 4, 3)).toBe('changed');
      expect(await disk.look(['none', 'a/b', ''])).toMatchObject([null, null, { kind: 'directory' }]);
    });
  });

  describe('staging', () => {
    it('refuses what does not match its hash', async () => {
      const answers = await disk.stageWhole([
        item('a1', 'x'),
        { ...item('a2', 'x'), hash: sha('y') },
        { ...item('a3', 'x'), size: 2 },
      ]);
      expect(answers.map(a => a.kind)).toEqual(['staged', 'mismatch', 'mismatch']);
      expect((await disk.stageSweep(new Set(['a1']))).bytes).toBe(1);
      expect((await disk.stageSweep(new Set())).bytes).toBe(0);
    });

    it('appends, resumes, copies local chunks and seals', async () => {
      const data = Buffer.alloc(200_000);
      for (let i = 0; i < data.length; i++) data[i] = (i * 40503) >>> 7;
      world.user.write('d/source', data);
      const hashed = await disk.hash('d/source', (await disk.look(['d/source']))[0]!);
      if (typeof hashed === 'string') throw new Error(hashed);
      const lengths = [...hashed.recipe!.lengths];
      const hashes = [...hashed.recipe!.hashes];
      const half = lengths.length >> 1;
      const offset = lengths.slice(0, half).reduce((a, b) => a + b, 0);
      expect(await disk.stageOpen('big')).toEqual({ bytes: 0 });
      expect(await disk.stageAppend('big', [{ kind: 'data', data: data.subarray(0, offset) }])).toEqual({
        failedPiece: null,
        bytes: offset,
      });

      const later = makeDisk(world);
      expect(await later.stageOpen('big')).toEqual({ bytes: offset });
      const good = {
        kind: 'copy',
        root: world.root,
        path: 'd/source',
        offset,
        lengths: lengths.slice(half),
        hashes: hashes.slice(half),
      } as const;
      const wrong = { ...good, hashes: good.hashes.map((h, i) => (i === good.hashes.length - 1 ? h ^ 1n : h)) };
      const refused = { failedPiece: 0, bytes: offset };
      expect(await later.stageAppend('big', [wrong])).toEqual(refused);
      expect(await later.stageAppend('big', [{ ...good, path: 'd/none' }])).toEqual(refused);
      expect(await later.stageAppend('big', [{ ...good, root: `${world.root}/none` }])).toEqual(refused);
      expect(await later.stageOpen('big')).toEqual({ bytes: offset });
      expect(await later.stageAppend('big', [good])).toEqual({ failedPiece: null, bytes: data.length });
      expect(await later.stageSeal({ ...item('big', data) })).toMatchObject({ kind: 'staged' });
      expect((await later.stageSweep(new Set())).bytes).toBe(0);
    });

    it('does not copy from behind a link', async () => {
      world.user.write('d/source', 'x'.repeat(100));
      world.user.symlink('l', 'd');
      world.user.symlink('f', 'd/source');
      const piece = { kind: 'copy', root: world.root, offset: 0, lengths: [100], hashes: [0n] } as const;
      const refused = { failedPiece: 0, bytes: 0 };
      expect(await disk.stageAppend('p', [{ ...piece, path: 'l/source' }])).toEqual(refused);
      expect(await disk.stageAppend('p', [{ ...piece, path: 'f' }])).toEqual(refused);
      expect(await disk.stageAppend('p', [{ ...piece, path: '../docs/d/source' }])).toEqual(refused);
    });

    it('finds the two halves of a hash, and the digest of a staged file read piece by piece', async () => {
      const data = Buffer.alloc(200_000, 'halves');
      world.user.write('whole', data);
      const stat = (await disk.look(['whole']))[0]!;
      const hashed = await disk.hash('whole', stat);
      expect(hashed).toMatchObject({ hash: sha(data) });
      expect(await disk.digest('whole', stat)).toEqual({ hash: sha(data) });
      expect(await disk.recipe('whole', stat)).toEqual((hashed as Hashed).recipe);
      const grown = { ...stat, size: stat.size - 1 };
      expect([await disk.digest('whole', grown), await disk.recipe('whole', grown)]).toEqual(['changed', 'changed']);
      expect([await disk.digest('none', stat), await disk.recipe('none', stat)]).toEqual(['gone', 'gone']);

      expect(await disk.stageDigest('p', 0)).toBeNull();
      await disk.stageAppend('p', [{ kind: 'data', data }]);
      for (const bytes of [0, 70_000, 70_000, 200_000, 130_000])
        expect(await disk.stageDigest('p', bytes)).toBe(sha(data.subarray(0, bytes)));
      expect(await disk.stageDigest('p', 200_001)).toBeNull();
      // Another file under the same id has nothing of the first one.
      await disk.stageDrop(['p']);
      const other = Buffer.alloc(150_000, 'other');
      await disk.stageAppend('p', [{ kind: 'data', data: other }]);
      expect(await disk.stageDigest('p', 150_000)).toBe(sha(other));
    });

    it('drops a file that was put together wrongly', async () => {
      await disk.stageAppend('p', [{ kind: 'data', data: Buffer.from('wrong') }]);
      expect(await disk.stageSeal(item('p', 'right'))).toMatchObject({ kind: 'mismatch' });
      expect(await disk.stageOpen('p')).toEqual({ bytes: 0 });
      await disk.stageAppend('p', [{ kind: 'data', data: Buffer.from('right') }]);
      expect(await disk.stageSeal(item('p', 'right'))).toMatchObject({ kind: 'staged' });
      await disk.stageDrop(['p', 'never']);
      await expect(disk.stageOpen('../x')).rejects.toMatchObject({ code: 'INTERNAL' });
    });
  });

  describe('install', () => {
    it('puts a new file in place with mode and time, so that a scan sees nothing to do', async () => {
      const outcomes = await disk.apply([
        { kind: 'make-directory', path: 'd', mode: 0o750 },
        await installOperation(disk, 'd/a', 'hello', null),
        { kind: 'install-symlink', path: 'd/l', expect: null, target: '../x', mtimeNs: MTIME, preserve: order('d/l') },
      ]);
      await disk.sync();
      await disk.settle();
      expect(world.user.read('d/a')).toBe('hello');
      expect(outcomes.map(statOf)).toMatchObject([
        { mode: 0o750 },
        { mode: 0o640, mtimeNs: MTIME, nlink: 1 },
        { kind: 'symlink', mtimeNs: MTIME },
      ]);
      const known = ['a', 'l'].map((name, i) => ({ name, stat: statOf(outcomes[i + 1]!) }));
      expect(await scanOne(disk, 'd', known)).toMatchObject({ found: [], gone: [], unchanged: 2 });
      expect((await disk.stageSweep(new Set())).bytes).toBe(0);
    });

    it('replaces what it expects, again and again', async () => {
      let stat: Stat | null = null;
      for (const text of ['one', 'two!', 'three']) {
        stat = statOf(await applyOne(disk, await installOperation(disk, 'a', text, stat)));
        expect(world.user.read('a')).toBe(text);
      }
      await disk.sync();
      await disk.settle();
      expect(await scanOne(disk, '', [{ name: 'a', stat: stat! }])).toMatchObject({ unchanged: 1, found: [] });
      expect(await disk.preserved('conflicts')).toEqual([]);
    });

    it('touches nothing that is not as expected', async () => {
      const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'one', null)));
      expect(await applyOne(disk, await installOperation(disk, 'a', 'two', null))).toMatchObject({ kind: 'occupied' });
      world.user.append('a', ' edited');
      expect(await applyOne(disk, await installOperation(disk, 'a', 'two', stat))).toMatchObject({ kind: 'changed' });
      expect(world.user.read('a')).toBe('one edited');
      world.user.remove('a');
      expect(await applyOne(disk, await installOperation(disk, 'a', 'two', stat))).toMatchObject({ kind: 'changed' });
      expect(await applyOne(disk, await installOperation(disk, 'none/a', 'two', null))).toMatchObject({
        kind: 'missing-parent',
      });
      world.user.makeDirectory('dir');
      const operation = await installOperation(disk, 'dir', 'x', (await disk.look(['dir']))[0]!);
      expect(await applyOne(disk, operation)).toMatchObject({ kind: 'failed' });
      await disk.stageDrop([operation.staged.stagingId]);
      expect(await applyOne(disk, { ...operation, path: 'fresh', expect: null })).toMatchObject({ kind: 'failed' });
    });

    it('preserves the loser of a conflict with its manifest', async () => {
      const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'loser', null)));
      const outcome = await applyOne(disk, await installOperation(disk, 'a', 'winner', stat, true));
      expect(outcome).toMatchObject({
        kind: 'done',
        preserved: { kind: 'file', size: 5, files: 1, reason: 'lost', partner: 'beta' },
      });
      await disk.sync();
      await disk.settle();
      const [preserved] = await disk.preserved('conflicts');
      expect(preserved).toMatchObject({ path: 'a', id: expect.stringMatching(/^a-v15-[0-9a-f]{12}$/) });
      expect(world.user.read(`.tandem/conflicts/${preserved!.id}/a`)).toBe('loser');
      expect(await scanOne(disk, '', [{ name: 'a', stat: statOf(outcome) }])).toMatchObject({ unchanged: 1 });
    });

    it('preserves at settling what was written to a replaced file through an old handle', async () => {
      const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
      await applyOne(disk, await installOperation(disk, 'a', 'new', stat));
      const [aside] = listAside(world);
      world.user.append(`.tandem/aside/${aside}`, ' and a last line');
      await disk.settle();
      const [preserved] = await disk.preserved('conflicts');
      expect(preserved).toMatchObject({ conflictType: 7 });
      expect(world.user.read(`.tandem/conflicts/${preserved!.id}/a`)).toBe('old and a last line');
    });

    it('refuses paths that leave the root or are Tandem’s own', async () => {
      for (const path of ['../a', 'd/../a', '/a', '', '.', '.tandem/a', 'a//b', '.tandem']) {
        expect(await applyOne(disk, await installOperation(disk, path, 'x', null)), path).toMatchObject({
          kind: expect.stringMatching(/failed|missing-parent/),
        });
      }
    });

    it('handles names of 255 bytes also where they are preserved', async () => {
      const name = `${'é'.repeat(127)}x`;
      const stat = statOf(await applyOne(disk, await installOperation(disk, name, 'one', null)));
      expect(await applyOne(disk, await installOperation(disk, name, 'two', stat, true))).toMatchObject({
        kind: 'done',
      });
      const [preserved] = await disk.preserved('conflicts');
      expect(await disk.restorePreserved('conflicts', preserved!.id, 'manifest.json', false)).toBe('restored');
      expect(world.user.read('manifest.json')).toBe('one');
      const third = (await disk.look(['manifest.json']))[0]!;
      await applyOne(disk, {
        kind: 'remove',
        path: 'manifest.json',
        expect: third,
        preserve: order('manifest.json', true),
      });
      const [again] = await disk.preserved('conflicts');
      expect(await disk.restorePreserved('conflicts', again!.id, 'back', false)).toBe('restored');
      expect(world.user.read('back')).toBe('one');
    });
  });

  describe('the other operations', () => {
    it('move files and directories without replacing anything', async () => {
      world.user.write('d/a', 'x');
      world.user.write('b', 'y');
      world.user.makeDirectory('e');
      const [d, a, b] = await disk.look(['d', 'd/a', 'b']);
      world.user.write('d/late', 'moves the time of d');
      expect(await applyOne(disk, { kind: 'move', from: 'd', to: 'e', expect: d! })).toMatchObject({
        kind: 'occupied',
      });
      const moved = await disk.apply([
        { kind: 'move', from: 'd', to: 'e/f', expect: d! },
        { kind: 'move', from: 'e/f/a', to: 'e/f/g', expect: a! },
        { kind: 'move', from: 'b', to: 'e/f/g', expect: b! },
        { kind: 'move', from: 'b', to: 'none/b', expect: b! },
        { kind: 'move', from: 'none', to: 'x', expect: b! },
        { kind: 'attributes', path: 'e/f/g', expect: a!, mode: 0o600, mtimeNs: MTIME },
      ]);
      expect(moved.map(o => o.kind)).toEqual(['done', 'done', 'occupied', 'missing-parent', 'changed', 'done']);
      expect(world.user.read('e/f/g')).toBe('x');
      expect(world.user.exists('d')).toBe(false);
      expect(statOf(moved[5]!)).toMatchObject({ mode: 0o600, mtimeNs: MTIME, nlink: 1 });
      await disk.sync();
      const { found } = await scanOne(disk, 'e/f', [{ name: 'g', stat: statOf(moved[5]!) }]);
      expect(found.map(f => f.name)).toEqual(['late']);
      expect(listAside(world)).toEqual([]);
    });

    it('move nothing that changed', async () => {
      world.user.write('a', 'x');
      const [a] = await disk.look(['a']);
      world.user.append('a', 'y');
      expect(await applyOne(disk, { kind: 'move', from: 'a', to: 'b', expect: a! })).toMatchObject({ kind: 'changed' });
      expect(
        await applyOne(disk, { kind: 'attributes', path: 'a', expect: a!, mode: 0o600, mtimeNs: 0n }),
      ).toMatchObject({ kind: 'changed' });
      expect(await applyOne(disk, { kind: 'remove', path: 'a', expect: a!, preserve: order('a') })).toMatchObject({
        kind: 'changed',
      });
      expect(world.user.read('a')).toBe('xy');
    });

    it('remove files, links and empty directories', async () => {
      world.user.write('d/a', 'x');
      world.user.symlink('d/l', 'a');
      const [a, l] = await disk.look(['d/a', 'd/l']);
      expect(await applyOne(disk, { kind: 'remove-directory', path: 'd' })).toMatchObject({
        kind: 'not-empty',
        names: expect.arrayContaining(['a', 'l']),
      });
      const outcomes = await disk.apply([
        { kind: 'remove', path: 'd/a', expect: a!, preserve: order('d/a', true) },
        { kind: 'remove', path: 'd/l', expect: l!, preserve: order('d/l') },
        { kind: 'remove-directory', path: 'd' },
        { kind: 'remove-directory', path: 'd' },
      ]);
      expect(outcomes).toMatchObject([
        { kind: 'done', stat: null, preserved: { path: 'd/a' } },
        { kind: 'done', preserved: null },
        { kind: 'done' },
        { kind: 'done' },
      ]);
      await disk.settle();
      expect(listAside(world)).toEqual([]);
      expect(await disk.preserved('conflicts')).toHaveLength(1);
    });

    it.each([false, true])('put back what they removed, which is preserved no longer (loser: %s)', async always => {
      world.user.write('d/a', 'x');
      const [a] = await disk.look(['d/a']);
      const removal = { kind: 'remove', path: 'd/a', expect: a!, preserve: order('d/a', always) } as const;
      await disk.apply([removal], 'one');
      const [back] = await disk.apply([{ kind: 'put-back', path: 'd/a', removal }], 'one');
      expect(statOf(back!)).toMatchObject({ ino: a!.ino, mtimeNs: a!.mtimeNs, size: 1 });
      expect(await disk.apply([{ kind: 'put-back', path: 'd/a', removal }])).toMatchObject([{ kind: 'changed' }]);
      await disk.settle('one');
      expect(world.user.read('d/a')).toBe('x');
      expect(await disk.preserved('conflicts')).toEqual([]);
      expect(listAside(world)).toEqual([]);
    });

    it.each(['taken', 'gone'])('preserve what cannot be put back, as its place is %s', async how => {
      world.user.write('d/a', 'x');
      const [a] = await disk.look(['d/a']);
      const removal = { kind: 'remove', path: 'd/a', expect: a!, preserve: order('d/a') } as const;
      await disk.apply([removal], 'one');
      if (how === 'taken') world.user.write('d/a', 'another');
      else world.user.remove('d');
      expect(await disk.apply([{ kind: 'put-back', path: 'd/a', removal }], 'one')).toMatchObject([
        { kind: 'occupied' },
      ]);
      await disk.settle('one');
      const [preserved] = await disk.preserved('conflicts');
      expect(world.user.read(`.tandem/conflicts/${preserved!.id}/a`)).toBe('x');
      expect(listAside(world)).toEqual([]);
    });

    it('preserve whole directories, which can be restored, copied and deleted', async () => {
      world.user.write('d/e/a', 'hello');
      world.user.write('d/b', 'xy');
      world.user.symlink('d/l', '/nowhere');
      const outcome = await applyOne(disk, {
        kind: 'preserve',
        path: 'd',
        preserve: { ...order('d'), area: 'pre-existing' },
      });
      expect(outcome).toMatchObject({ kind: 'done', stat: null, preserved: { kind: 'directory', size: 7, files: 3 } });
      expect(world.user.exists('d')).toBe(false);
      const id = (await disk.preserved('pre-existing'))[0]!.id;
      expect(await disk.restorePreserved('pre-existing', id, 'x/y/copy', true)).toBe('restored');
      expect(world.user.read('x/y/copy/e/a')).toBe('hello');
      expect(await disk.restorePreserved('pre-existing', id, 'x/y/copy', false)).toBe('occupied');
      expect(await disk.restorePreserved('pre-existing', id, 'd', false)).toBe('restored');
      expect(world.user.read('d/b')).toBe('xy');
      expect(await disk.restorePreserved('pre-existing', id, 'again', false)).toBe('missing');
      await applyOne(disk, { kind: 'preserve', path: 'd', preserve: order('d') });
      const [second] = await disk.preserved('conflicts');
      expect(await disk.deletePreserved('conflicts', second!.id)).toBe('deleted');
      expect(await disk.deletePreserved('conflicts', second!.id)).toBe('missing');
      expect(await disk.deletePreserved('conflicts', '../staging')).toBe('missing');
      expect(await applyOne(disk, { kind: 'preserve', path: 'd', preserve: order('d') })).toMatchObject({
        kind: 'changed',
      });
    });

    it('go on after one that failed', async () => {
      const outcomes = await disk.apply([
        { kind: 'make-directory', path: 'none/d', mode: 0o755 },
        { kind: 'make-directory', path: 'd', mode: 0o755 },
        { kind: 'make-directory', path: 'd', mode: 0o755 },
      ]);
      expect(outcomes.map(o => o.kind)).toEqual(['missing-parent', 'done', 'occupied']);
    });

    it('work below paths longer than the operating system can name', async () => {
      let path = '';
      const operations: Operation[] = [];
      for (let depth = 0; depth < 30; depth++) {
        path += `${depth > 0 ? '/' : ''}${'d'.repeat(200)}`;
        operations.push({ kind: 'make-directory', path, mode: 0o755 });
      }
      operations.push(await installOperation(disk, `${path}/bottom`, 'deep', null));
      const outcomes = await disk.apply(operations);
      expect(outcomes.every(o => o.kind === 'done')).toBe(true);
      const { found } = await scanOne(disk, path);
      expect(found).toMatchObject([{ name: 'bottom', content: { hash: sha('deep') } }]);
      const moved = await applyOne(disk, {
        kind: 'move',
        from: 'd'.repeat(200),
        to: 'top',
        expect: statOf(outcomes[0]!),
      });
      expect(moved.kind).toBe('done');
      expect((await disk.look([`top${path.slice(200)}/bottom`]))[0]).toMatchObject({ size: 4 });
    });
  });

  it('touches nothing outside the root when directories are exchanged for links', async () => {
    world.user.write('outside/victim', 'precious');
    const inner = makeDisk({ ...world, root: `${world.root}/inside` });
    world.user.makeDirectory('inside/d');
    await inner.claim(MARKER);
    const stat = statOf(await applyOne(inner, await installOperation(inner, 'd/victim', 'ours', null)));
    const replace = await installOperation(inner, 'd/victim', 'evil', stat);
    const fresh = await installOperation(inner, 'd/new', 'evil', null);
    world.user.rename('inside/d', 'inside/d-old');
    world.user.symlink('inside/d', '../outside');
    const outcomes = await inner.apply([
      replace,
      fresh,
      { kind: 'make-directory', path: 'd/sub', mode: 0o755 },
      { kind: 'attributes', path: 'd/victim', expect: stat, mode: 0o777, mtimeNs: 0n },
      { kind: 'remove', path: 'd/victim', expect: stat, preserve: order('d/victim') },
      { kind: 'remove-directory', path: 'd' },
      { kind: 'preserve', path: 'd/victim', preserve: order('d/victim') },
      { kind: 'move', from: 'd/victim', to: 'stolen', expect: stat },
    ]);
    expect(outcomes.map(o => o.kind)).toEqual([
      'missing-parent',
      'missing-parent',
      'missing-parent',
      'changed',
      'changed',
      'changed',
      'changed',
      'changed',
    ]);
    expect(await inner.scan([request('d')])).toEqual([{ kind: 'missing' }]);
    expect(await inner.readWhole([{ path: 'd/victim', stat }])).toEqual(['gone']);
    expect(world.user.read('outside/victim')).toBe('precious');
    expect(world.user.exists('outside/new')).toBe(false);
    world.user.rename('inside/.tandem', 'inside/.tandem-old');
    world.user.symlink('inside/.tandem', '../outside');
    await expect(inner.stageWhole([item('x', 'y')])).rejects.toMatchObject({ code: 'MARKER_MISSING' });
  });
});
