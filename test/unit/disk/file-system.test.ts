import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errnoOf } from '../../../src/base/errno.ts';
import { type Directory, nameText, using } from '../../../src/disk/file-system.ts';
import { WORLDS, type World } from './worlds.ts';

describe.each(WORLDS)('the contract of a file system, on $name', ({ make }) => {
  let world: World;
  let root: Directory;
  beforeEach(() => {
    world = make();
    root = world.files.openRoot(world.root);
  });
  afterEach(() => {
    root.close();
    world.close();
  });

  const codeOf = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      return errnoOf(error);
    }
    return 'no error';
  };
  const write = (directory: Directory, name: string, text: string): void =>
    using(directory.openFile(name, 'create'), file => file.write(Buffer.from(text), 0));

  it('says ENOENT and ENOTDIR for roots that are not there or are files', () => {
    world.user.write('file', 'x');
    expect(codeOf(() => world.files.openRoot(`${world.root}/none`))).toBe('ENOENT');
    expect(codeOf(() => world.files.openRoot(`${world.root}/file`))).toBe('ENOTDIR');
  });

  it('creates files that only their owner may read, once', () => {
    write(root, 'a', 'hello');
    expect(root.lookAt('a')).toMatchObject({ kind: 'file', size: 5, mode: 0o600, nlink: 1 });
    expect(codeOf(() => root.openFile('a', 'create'))).toBe('EEXIST');
    expect(root.lookAt('b')).toBeNull();
  });

  it('reads and writes at positions and cuts files', () => {
    write(root, 'a', 'hello world');
    using(root.openFile('a', 'write'), file => {
      file.write(Buffer.from('W'), 6);
      file.truncate(8);
      const buffer = Buffer.alloc(20);
      expect(file.read(buffer, 2, 18, 4)).toBe(4);
      expect(buffer.toString('latin1', 2, 6)).toBe('o Wo');
      expect(file.look().size).toBe(8);
    });
  });

  it('never follows a link', () => {
    world.user.makeDirectory('real');
    world.user.write('real/file', 'x');
    root.makeSymlink('link', 'real');
    root.makeSymlink('filelink', 'real/file');
    expect(root.lookAt('link')?.kind).toBe('symlink');
    expect(root.readSymlink('link')).toBe('real');
    expect(codeOf(() => root.openDirectory('link'))).toMatch(/ENOTDIR|ELOOP/);
    expect(codeOf(() => root.openFile('filelink', 'read'))).toBe('ELOOP');
    expect(codeOf(() => root.setMode('filelink', 0o600))).toMatch(/EOPNOTSUPP|ENOTSUP|ELOOP/);
    const before = world.user.ino('real/file');
    root.setModified('filelink', 1_000_000_000_000_000n);
    using(root.openDirectory('real'), real => expect(real.lookAt('file')).toMatchObject({ ino: before, mode: 0o644 }));
  });

  it('gives a second name only where none is', () => {
    write(root, 'a', 'x');
    write(root, 'b', 'y');
    expect(codeOf(() => root.link('a', root, 'b'))).toBe('EEXIST');
    root.link('a', root, 'c');
    expect(root.lookAt('c')).toMatchObject({ ino: root.lookAt('a')!.ino, nlink: 2 });
    expect(codeOf(() => root.link('none', root, 'd'))).toBe('ENOENT');
    root.makeSymlink('s', 'a');
    root.link('s', root, 't');
    expect(root.lookAt('t')?.kind).toBe('symlink');
  });

  it('moves ctime when a file gets or loses a name', () => {
    write(root, 'a', 'x');
    const before = root.lookAt('a')!;
    root.link('a', root, 'b');
    const linked = root.lookAt('a')!;
    expect(linked.ctimeNs >= before.ctimeNs).toBe(true);
    expect(linked.mtimeNs).toBe(before.mtimeNs);
    root.unlink('b');
    expect(root.lookAt('a')).toMatchObject({ nlink: 1, mtimeNs: before.mtimeNs });
  });

  it('renames over files and empty directories, between directories', () => {
    write(root, 'a', 'new');
    root.makeDirectory('d', 0o755);
    using(root.openDirectory('d'), d => {
      write(d, 'b', 'old');
      root.rename('a', d, 'b');
      expect(world.user.read('d/b')).toBe('new');
      expect(root.lookAt('a')).toBeNull();
    });
    root.makeDirectory('e', 0o755);
    expect(codeOf(() => root.rename('e', root, 'd'))).toMatch(/ENOTEMPTY|EEXIST/);
    root.rename('d', root, 'e');
    expect(world.user.read('e/b')).toBe('new');
    using(root.openDirectory('e'), e => expect(codeOf(() => root.rename('e', e, 'x'))).toBe('EINVAL'));
  });

  it('removes only empty directories', () => {
    world.user.write('d/f', 'x');
    expect(codeOf(() => root.removeDirectory('d'))).toMatch(/ENOTEMPTY|EEXIST/);
    world.user.remove('d/f');
    root.removeDirectory('d');
    expect(root.lookAt('d')).toBeNull();
  });

  it('sets modes whatever the umask, and times to the microsecond', () => {
    root.makeDirectory('d', 0o777);
    expect(root.lookAt('d')?.mode).toBe(0o777);
    write(root, 'a', 'x');
    root.setMode('a', 0o4755);
    for (const us of [
      0n,
      1n,
      999_999n,
      1_700_000_000_123_457n,
      1_699_999_999_999_999n,
      4_102_444_800_000_001n,
      -5_250_001n,
    ]) {
      root.setModified('a', us * 1000n + 789n);
      expect(root.lookAt('a')).toMatchObject({ mode: 0o4755, mtimeNs: us * 1000n });
      using(root.openFile('a', 'write'), file => file.setModified((us + 1n) * 1000n));
      expect(root.lookAt('a')?.mtimeNs).toBe((us + 1n) * 1000n);
    }
  });

  it('has names of 255 bytes, newlines and other letters, and no longer ones', () => {
    const names = ['a'.repeat(255), 'two\nlines', 'ä', 'a\u0308', 'Name', 'name', '日本', ' ', '\\', '*?"'];
    for (const name of names) write(root, name, name);
    expect(root.list().sort()).toEqual(names.sort());
    expect(codeOf(() => root.openFile('a'.repeat(256), 'create'))).toBe('ENAMETOOLONG');
    for (const name of ['a/b', '../x', 'a\0']) expect(codeOf(() => root.openFile(name, 'create'))).toMatch(/EINVAL|^$/);
  });

  it('lists names that are not UTF-8 as bytes, and can look at them, rename and remove them', () => {
    const raw = Buffer.from([0x66, 0xff, 0x6f]);
    write(root, 'a', 'x');
    root.rename('a', root, raw);
    expect(root.list()).toEqual([raw]);
    expect(nameText(raw)).toBe('f\\xffo');
    expect(root.lookAt(raw)?.size).toBe(1);
    root.unlink(raw);
    expect(root.list()).toEqual([]);
  });

  it('reaches depths beyond the longest path, one handle after the other', () => {
    const name = 'd'.repeat(200);
    const handles = [world.files.openRoot(world.root)];
    for (let depth = 0; depth < 40; depth++) {
      handles.at(-1)!.makeDirectory(name, 0o755);
      handles.push(handles.at(-1)!.openDirectory(name));
    }
    write(handles.at(-1)!, 'bottom', 'x');
    expect(handles.at(-1)!.list()).toEqual(['bottom']);
    handles.at(-1)!.unlink('bottom');
    for (let depth = 39; depth >= 0; depth--) {
      handles.pop()!.close();
      handles.at(-1)!.removeDirectory(name);
    }
    handles.pop()!.close();
  });

  it('keeps a handle on a directory that was moved or replaced', () => {
    world.user.makeDirectory('d');
    using(root.openDirectory('d'), d => {
      world.user.rename('d', 'e');
      world.user.makeDirectory('d');
      write(d, 'f', 'x');
    });
    expect(world.user.exists('e/f')).toBe(true);
    expect(world.user.exists('d/f')).toBe(false);
  });

  it('keeps what is open readable after its last name went', () => {
    write(root, 'a', 'still here');
    using(root.openFile('a', 'read'), file => {
      root.unlink('a');
      write(root, 'b', 'another');
      const buffer = Buffer.alloc(20);
      expect(buffer.toString('latin1', 0, file.read(buffer, 0, 20, 0))).toBe('still here');
      expect(file.look().nlink).toBe(0);
    });
  });

  it('makes things durable one by one and all at once', () => {
    write(root, 'a', 'x');
    using(root.openFile('a', 'read'), file => file.sync());
    root.sync();
    expect(root.syncFileSystem()).toBe(true);
    expect(root.writable()).toBe(true);
    expect(root.space().totalBytes).toBeGreaterThan(0);
    expect(root.space().freeBytes).toBeLessThanOrEqual(root.space().totalBytes);
  });
});
