import { describe, expect, it } from 'vitest';
import type { Random } from '../../src/base/random.ts';
import { using } from '../../src/disk/file-system.ts';
import { MemoryFileSystem } from './memory-file-system.ts';

function always(value: number): Random {
  return { next: () => value, guid: () => '' };
}

function make(options: { durableEdits?: boolean; quotaBytes?: number } = {}): MemoryFileSystem {
  return new MemoryFileSystem({ clock: () => 1_000_000n, ...options });
}

function write(files: MemoryFileSystem, name: string, text: string, sync = false): void {
  using(files.openRoot('/'), root =>
    using(root.openFile(name, 'create'), file => {
      file.write(Buffer.from(text), 0);
      if (sync) file.sync();
    }),
  );
}

describe('a power failure in memory', () => {
  it('keeps a first part of the changes that were not synced', () => {
    for (const [part, names] of [
      [0, []],
      [0.5, ['a']],
      [0.999, ['a', 'b']],
    ] as const) {
      const files = make();
      write(files, 'a', '1');
      write(files, 'b', '2');
      files.crash(always(part));
      expect(files.user.list('/')).toEqual(names);
    }
  });

  it('may leave a name with content that never reached the disk', () => {
    const seen = new Set<string>();
    for (let step = 0; step < 10; step++) {
      const files = make();
      write(files, 'a', 'content');
      let calls = 0;
      files.crash({ next: () => (calls++ === 0 ? 0.999 : step / 10), guid: () => '' });
      seen.add(files.user.readFile('/a').toString('latin1'));
    }
    expect(seen).toContain('content');
    expect(seen).toContain('');
    expect(seen).toContain('\0'.repeat(7));
  });

  it('takes nothing that was synced, nor, if so told, edits of users', () => {
    const files = make();
    write(files, 'a', 'content', true);
    files.user.writeFile('/d/b', 'edit');
    files.crash(always(0));
    expect([...files.user.snapshot('/').keys()]).toEqual(['a', 'd', 'd/b']);
    expect(files.user.readFile('/a').toString()).toBe('content');
    const fragile = make({ durableEdits: false });
    fragile.user.writeFile('/b', 'edit');
    fragile.crash(always(0));
    expect(fragile.user.exists('/b')).toBe(false);
  });

  it('makes handles from before useless', () => {
    const files = make();
    const root = files.openRoot('/');
    files.crash(always(0));
    expect(() => root.list()).toThrow('EBADF');
    root.close();
  });
});

it('inode numbers are used again once nobody has the file open', () => {
  const files = make();
  files.user.writeFile('/a', '1');
  const { ino } = files.user.look('/a');
  using(files.openRoot('/'), root =>
    using(root.openFile('a', 'read'), () => {
      files.user.remove('/a');
      files.user.writeFile('/b', '2');
      expect(files.user.look('/b').ino).not.toBe(ino);
    }),
  );
  files.user.writeFile('/c', '3');
  expect(files.user.look('/c').ino).toBe(ino);
});

it('the quota counts what is stored, also over replacements and second names', () => {
  const files = make({ quotaBytes: 10 });
  files.user.writeFile('/a', '12345');
  files.user.link('/a', '/b');
  files.user.writeFile('/c', '67890');
  expect(() => files.user.writeFile('/d', '1')).toThrow('ENOSPC');
  files.user.remove('/a');
  expect(files.usedBytes).toBe(10);
  files.user.rename('/c', '/b');
  expect(files.usedBytes).toBe(5);
});
