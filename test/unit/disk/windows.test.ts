/** What users do in the very moment in which Tandem acts, and what the file system refuses. */
import { beforeEach, describe, expect, it } from 'vitest';
import { errnoError } from '../../../src/base/errno.ts';
import { keyOf } from '../../../src/disk/aside.ts';
import type { Disk, Operation } from '../../../src/disk/disk.ts';
import type { MemoryFileSystem } from '../../sim/memory-file-system.ts';
import {
  applyOne,
  asKnown,
  installOperation,
  item,
  listAside,
  MARKER,
  makeDisk,
  makeMemoryWorld,
  order,
  request,
  scanOne,
  statOf,
  type World,
} from './worlds.ts';

let world: World;
let memory: MemoryFileSystem;
let tick: (ms: number) => void;
let disk: Disk;
beforeEach(async () => {
  ({ world, memory, tick } = makeMemoryWorld({ quotaBytes: 100_000 }));
  disk = makeDisk(world);
  await disk.claim(MARKER);
});

/** Does something once, just before a call of that kind on that name. */
function justBefore(operation: string, name: string, action: () => void): void {
  memory.onCall = call => {
    if (call.operation !== operation || call.name !== name) return;
    memory.onCall = null;
    action();
  };
}

describe('a recovery that undoes a torn install', () => {
  it.each([
    ['replaces it', true, 'another'],
    ['writes to it', true, 'torn and edited'],
    ['replaces it', false, 'another'],
  ])(
    'leaves alone what a user makes of it just before it goes: %s (over an old one: %s)',
    async (how, over, expected) => {
      const stat = over ? statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null))) : null;
      const install = await installOperation(disk, 'a', 'torn', stat);
      const torn = { ...install, staged: { ...install.staged, hash: 'f'.repeat(64) } };
      await applyOne(disk, torn);
      memory.kill();
      const after = makeDisk(world);
      justBefore('rename', 'a', () => {
        if (how === 'writes to it') world.user.append('a', ' and edited');
        else memory.user.replaceFile(`${world.root}/a`, 'another');
      });
      expect((await after.recover([torn])).map(o => o.kind)).toEqual(['undone']);
      expect(world.user.read('a')).toBe(expected);
      expect(await after.preserved('conflicts')).toEqual([]);
      expect(listAside(world)).toEqual([]);
    },
  );

  it.each([true, false])('gives the name back to what had it before (there was one: %s)', async over => {
    const stat = over ? statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null))) : null;
    const install = await installOperation(disk, 'a', 'torn', stat);
    const torn = { ...install, staged: { ...install.staged, hash: 'f'.repeat(64) } };
    await applyOne(disk, torn);
    memory.kill();
    expect((await makeDisk(world).recover([torn])).map(o => o.kind)).toEqual(['undone']);
    expect(world.user.exists('a') && world.user.read('a')).toBe(over && 'old');
    expect(listAside(world)).toEqual([]);
  });
});

describe('an install', () => {
  it.each(['link', 'lookAt', 'rename'])('preserves or spares what is written just before its %s', async call => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    const install = await installOperation(disk, 'a', 'new', stat);
    justBefore(call, call === 'rename' ? install.staged.stagingId : 'a', () => world.user.append('a', ' edited'));
    const outcome = await applyOne(disk, install);
    await disk.settle();
    const preserved = await disk.preserved('conflicts');
    if (outcome.kind === 'done') {
      expect(world.user.read('a')).toBe('new');
      expect(outcome.preserved).toMatchObject({ conflictType: 7 });
      expect(world.user.read(`.tandem/conflicts/${preserved[0]!.id}/a`)).toBe('old edited');
    } else {
      expect(outcome.kind).toBe('changed');
      expect(world.user.read('a')).toBe('old edited');
      expect(preserved).toEqual([]);
    }
    expect(listAside(world)).toEqual([]);
  });

  it('does not take an edit made right after it for its own', async () => {
    const install = await installOperation(disk, 'a', 'new', null);
    justBefore('unlink', install.staged.stagingId, () => world.user.append('a', ' edited'));
    const stat = statOf(await applyOne(disk, install));
    expect((await scanOne(disk, '', [{ name: 'a', stat }])).found).toMatchObject([{ name: 'a' }]);
  });

  it('does not replace what appears at a free name', async () => {
    const install = await installOperation(disk, 'a', 'new', null);
    justBefore('link', install.staged.stagingId, () => world.user.write('a', 'mine'));
    expect(await applyOne(disk, install)).toMatchObject({ kind: 'occupied' });
    expect(world.user.read('a')).toBe('mine');
  });

  it('works where no second names can be had, and spares edits there too', async () => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    const refuse = (edit: boolean) => (): void => {
      memory.onCall = call => {
        if (call.operation === 'link') throw errnoError('EPERM', 'operation not permitted');
        if (edit && call.operation === 'rename' && call.name === 'a') world.user.write('a', 'edited');
      };
    };
    refuse(true)();
    expect(await applyOne(disk, await installOperation(disk, 'a', 'new', stat))).toMatchObject({ kind: 'changed' });
    expect(world.user.read('a')).toBe('edited');
    refuse(false)();
    const now = (await disk.look(['a']))[0]!;
    expect(await applyOne(disk, await installOperation(disk, 'a', 'newer', now, true))).toMatchObject({ kind: 'done' });
    memory.onCall = null;
    await disk.settle();
    const [preserved] = await disk.preserved('conflicts');
    expect(world.user.read(`.tandem/conflicts/${preserved!.id}/a`)).toBe('edited');
    expect(world.user.read('a')).toBe('newer');
    expect(listAside(world)).toEqual([]);
  });
});

describe('an install over the loser of a conflict', () => {
  it('spares a file that takes the place while the loser is being preserved', async () => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    const install = await installOperation(disk, 'a', 'new', stat);
    const always = { ...install, preserve: { ...install.preserve, always: true } };
    justBefore('openFile', 'manifest.json', () => {
      world.user.rename('a', 'a~');
      world.user.write('a', 'another');
    });
    expect(await applyOne(disk, always)).toMatchObject({ kind: 'changed' });
    await disk.settle();
    expect([world.user.read('a'), world.user.read('a~')]).toEqual(['another', 'old']);
    expect(await disk.preserved('conflicts')).toEqual([]);
    expect(listAside(world)).toEqual([]);
  });
});

it('does not take a file for the directory that it was exchanged with in that moment', async () => {
  justBefore('lookAt', 'd', () => {
    world.user.remove('d');
    world.user.write('d', 'mine');
  });
  expect(await applyOne(disk, { kind: 'make-directory', path: 'd', mode: 0o755 })).toMatchObject({ kind: 'changed' });
  expect(world.user.read('d')).toBe('mine');
});

it.each([
  ['a file', () => world.user.write('d', 'mine')],
  ['another directory', () => world.user.makeDirectory('d')],
])('leaves alone what has the name of a directory that was to go: %s', async (_what, replace) => {
  world.user.makeDirectory('d');
  const [seen] = await disk.look(['d']);
  world.user.remove('d');
  world.user.makeDirectory('in-between');
  replace();
  const outcomes = await disk.apply([
    { kind: 'remove-directory', path: 'd', expect: seen! },
    { kind: 'preserve', path: 'd', expect: seen!, preserve: order('d', true) },
  ]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['changed', 'changed']);
  expect(world.user.exists('d')).toBe(true);
  expect(await disk.preserved('conflicts')).toEqual([]);
});

describe('a removal', () => {
  it('gives back what was edited in that moment', async () => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    justBefore('rename', 'a', () => world.user.append('a', ' edited'));
    expect(await applyOne(disk, { kind: 'remove', path: 'a', expect: stat, preserve: order('a') })).toMatchObject({
      kind: 'changed',
    });
    expect(world.user.read('a')).toBe('old edited');
    expect(listAside(world)).toEqual([]);
  });

  it('gives back a file that had just taken the place', async () => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    justBefore('rename', 'a', () => memory.user.replaceFile(`${world.root}/a`, 'another'));
    expect(await applyOne(disk, { kind: 'remove', path: 'a', expect: stat, preserve: order('a') })).toMatchObject({
      kind: 'changed',
    });
    expect(world.user.read('a')).toBe('another');
  });

  it('preserves what was edited in that moment where its directory is gone the moment after', async () => {
    world.user.makeDirectory('d');
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'd/a', 'old', null)));
    justBefore('rename', 'a', () => {
      world.user.append('d/a', ' edited');
      justBefore('link', keyOf(removal), () => world.user.remove('d'));
    });
    const removal: Operation = { kind: 'remove', path: 'd/a', expect: stat, preserve: order('d/a') };
    expect(await applyOne(disk, removal)).toMatchObject({ kind: 'done', preserved: { conflictType: 7 } });
    const [preserved] = await disk.preserved('conflicts');
    expect(world.user.read(`.tandem/conflicts/${preserved!.id}/a`)).toBe('old edited');
    await disk.settle();
    expect(listAside(world)).toEqual([]);
  });
});

describe('what was set aside', () => {
  it('is let go of group by group', async () => {
    const [a, b] = [
      statOf(await applyOne(disk, await installOperation(disk, 'a', 'old a', null))),
      statOf(await applyOne(disk, await installOperation(disk, 'b', 'old b', null))),
    ];
    await disk.apply([{ kind: 'remove', path: 'a', expect: a, preserve: order('a') }], 'first');
    await disk.apply([{ kind: 'remove', path: 'b', expect: b, preserve: order('b') }], 'second');
    await disk.settle('first');
    expect(listAside(world)).toHaveLength(1);
    await disk.settle('second');
    expect(listAside(world)).toEqual([]);
  });

  it.each(['EIO', 'ENOENT'])('is salvaged where a recovery cannot put it back (%s)', async code => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    const install = await installOperation(disk, 'a', 'torn', stat);
    const torn = { ...install, staged: { ...install.staged, hash: 'f'.repeat(64) } };
    await applyOne(disk, torn);
    memory.kill();
    memory.onCall = call => {
      if (call.operation === 'link' && call.name === keyOf(torn)) throw errnoError(code, 'for the test');
    };
    const after = makeDisk(world);
    await after.recover([torn]);
    memory.onCall = null;
    await after.recover([]);
    const [preserved] = await after.salvage();
    expect(world.user.read(`.tandem/conflicts/${preserved!.id}/${preserved!.path}`)).toBe('old');
    expect(listAside(world)).toEqual([]);
  });
});

it('removes several names of one file, one after the other', async () => {
  const first = statOf(await applyOne(disk, await installOperation(disk, 'a', 'both', null)));
  world.user.link('a', 'b');
  const [a, b] = await disk.look(['a', 'b']);
  expect(a!.ino).toBe(first.ino);
  const outcomes = await disk.apply([
    { kind: 'remove', path: 'a', expect: a!, preserve: order('a') },
    { kind: 'remove', path: 'b', expect: b!, preserve: order('b') },
  ]);
  expect(outcomes.map(outcome => outcome.kind)).toEqual(['done', 'done']);
});

describe('what stepped aside', () => {
  it('is removed where other content takes its place', async () => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    const aside = '.tandem/staging/exchange-1a.9';
    await applyOne(disk, { kind: 'move', from: 'a', to: aside, expect: stat });
    const removal = { kind: 'remove', path: aside, expect: stat, preserve: order('a') } as const;
    expect(await applyOne(disk, removal)).toMatchObject({ kind: 'done' });
  });
});

describe('a move', () => {
  it('leaves a file that had just taken the old place', async () => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    justBefore('rename', 'a', () => memory.user.replaceFile(`${world.root}/a`, 'another'));
    expect(await applyOne(disk, { kind: 'move', from: 'a', to: 'b', expect: stat })).toMatchObject({ kind: 'done' });
    expect([world.user.read('a'), world.user.read('b')]).toEqual(['another', 'old']);
    expect(listAside(world)).toEqual([]);
  });

  it('gives back a directory that had just taken the place', async () => {
    world.user.write('d/a', '1');
    const [stat] = await disk.look(['d']);
    justBefore('rename', 'd', () => {
      world.user.rename('d', 'elsewhere');
      world.user.write('d/b', '2');
    });
    expect(await applyOne(disk, { kind: 'move', from: 'd', to: 'e', expect: stat! })).toMatchObject({
      kind: 'changed',
    });
    expect([world.user.read('d/b'), world.user.read('elsewhere/a')]).toEqual(['2', '1']);
  });
});

describe('attributes', () => {
  const TIME = 1_500_000_000_000_000_000n;
  const acts: readonly (readonly [string, () => void])[] = [
    ['sets other permissions', () => memory.user.setMode(`${world.root}/a`, 0o755)],
    ['sets another time', () => memory.user.setModified(`${world.root}/a`, 1_700_000_000_000_000_000n)],
    ['writes as many bytes', () => world.user.write('a', 'new')],
  ];
  const cases = ['mode', 'time'].flatMap(of =>
    acts.flatMap(([what, act]) => [0, 1, 2, 3, 4, 5].map(call => [of, what, call, act] as const)),
  );

  it.each(cases)(
    'of which a user changes some at this moment (ours: the %s; the user %s; before call %i)',
    async (of, what, call, act) => {
      const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
      const given = of === 'mode' ? { mode: 0o600, mtimeNs: stat.mtimeNs } : { mode: stat.mode, mtimeNs: TIME };
      tick(1000);
      let calls = 0;
      memory.onCall = ({ name }) => {
        if (name === 'a' && calls++ === call) act();
      };
      const outcome = await applyOne(disk, { kind: 'attributes', path: 'a', expect: stat, ...given });
      memory.onCall = null;
      if (calls <= call) act();
      const known = outcome.kind === 'done' ? outcome.stat! : stat;
      const { found } = await scanOne(disk, '', [{ name: 'a', stat: known }]);
      if (found.length === 0) {
        expect((await disk.look(['a']))[0]).toMatchObject(given);
        // Just before the time is set: nothing that a file system shows tells this write from none.
        const isHidden = of === 'time' && what === 'writes as many bytes' && call === 2;
        expect(world.user.read('a')).toBe(isHidden ? 'new' : 'old');
      } else expect(found).toMatchObject([{ name: 'a' }]);
    },
  );
});

describe('a scan', () => {
  it('reports what it cannot take, and never calls it gone', async () => {
    world.user.write('private/x', '1');
    world.user.write('secret', '2');
    world.user.write('was-file', '3');
    world.user.write('mounted/y', '4');
    const known = asKnown((await scanOne(disk, '')).found);
    memory.deny(`${world.root}/private`, 'list');
    memory.deny(`${world.root}/secret`, 'read');
    world.user.append('secret', '!');
    world.user.remove('was-file');
    memory.user.special(`${world.root}/was-file`, 'fifo');
    memory.user.special(`${world.root}/socket`, 'socket');
    memory.user.special(`${world.root}/device`, 'device');
    memory.mount(`${world.root}/mounted`);
    const answer = await scanOne(disk, '', known);
    expect([...answer.unsupported].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'device', reason: 'device' },
      { name: 'mounted', reason: 'other-file-system' },
      { name: 'secret', reason: 'unreadable' },
      { name: 'socket', reason: 'socket' },
      { name: 'was-file', reason: 'fifo' },
    ]);
    expect(answer).toMatchObject({ found: [], gone: ['was-file'], unchanged: 2 });
    expect(await disk.scan([request('private'), request('mounted')])).toMatchObject([
      { kind: 'unreadable' },
      { kind: 'unreadable' },
    ]);
    memory.unmount(`${world.root}/mounted`);
    expect(await disk.scan([request('mounted')])).toMatchObject([{ kind: 'listed', found: [{ name: 'y' }] }]);
  });

  it('calls a file hot that changes while it is read', async () => {
    world.user.write('a', 'one');
    tick(1000);
    justBefore('file.look', '', () => world.user.append('a', 'more'));
    expect((await scanOne(disk, '')).found).toMatchObject([{ name: 'a', hot: true, content: null }]);
    justBefore('openFile', 'a', () => memory.user.replaceFile(`${world.root}/a`, 'other'));
    expect((await scanOne(disk, '')).found).toMatchObject([{ name: 'a', hot: true }]);
    justBefore('openFile', 'a', () => world.user.remove('a'));
    expect(await scanOne(disk, '')).toMatchObject({ found: [], gone: [] });
  });

  it('halts when another file system is mounted on the root, or the marker went with it', async () => {
    memory.mount(world.root);
    await expect(disk.scan([request('')])).rejects.toMatchObject({ code: 'FILE_SYSTEM_CHANGED' });
    expect(await disk.probe()).toMatchObject({ kind: 'directory', marker: null, empty: true });
  });
});

describe('a full file system', () => {
  it('refuses to stage with no-space, or DISK_FULL, and leaves no half file', async () => {
    memory.quotaBytes = memory.usedBytes + 10;
    expect(await disk.stageWhole([item('a', 'x'.repeat(11))])).toMatchObject([{ kind: 'no-space' }]);
    const pieces = [
      { kind: 'data', data: Buffer.from('12345') },
      { kind: 'data', data: Buffer.from('67890a') },
    ] as const;
    await expect(disk.stageAppend('b', pieces)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await disk.stageOpen('b')).toEqual({ bytes: 5 });
    memory.quotaBytes = 100_000;
    expect(await disk.stageAppend('b', [{ kind: 'data', data: Buffer.from('67890a') }])).toEqual({
      failedPiece: null,
      bytes: 11,
    });
    expect(await disk.stageSeal(item('b', '1234567890a'))).toMatchObject({ kind: 'staged' });
    expect((await disk.stageSweep(new Set())).bytes).toBe(0);
  });

  it('keeps what it could not preserve', async () => {
    const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
    memory.quotaBytes = memory.usedBytes + 10;
    expect(await applyOne(disk, { kind: 'preserve', path: 'a', preserve: order('a') })).toMatchObject({
      kind: 'no-space',
    });
    expect((await disk.look(['a']))[0]).toEqual(stat);
    expect(await disk.preserved('conflicts')).toEqual([]);
  });

  describe('while another file took the place of what could not be preserved', () => {
    const removal = async () => {
      const stat = statOf(await applyOne(disk, await installOperation(disk, 'a', 'old', null)));
      memory.quotaBytes = memory.usedBytes + 10;
      justBefore('openFile', 'manifest.json', () => {
        memory.quotaBytes = memory.usedBytes + 30;
        world.user.write('a', 'another');
      });
      const remove = { kind: 'remove', path: 'a', expect: stat, preserve: order('a', true) } as const;
      expect(await applyOne(disk, remove)).toMatchObject({ kind: 'no-space' });
      expect(world.user.read('a')).toBe('another');
    };
    const preserved = async (from: Disk) =>
      (await from.preserved('conflicts')).map(({ id, path }) => world.user.read(`.tandem/conflicts/${id}/${path}`));

    it('preserves it when there is room again', async () => {
      await removal();
      await expect(disk.settle()).rejects.toMatchObject({ code: 'DISK_FULL' });
      await disk.recover([]);
      memory.quotaBytes = 100_000;
      await disk.settle();
      expect(await preserved(disk)).toEqual(['old']);
      expect(listAside(world)).toEqual([]);
    });

    it('preserves it at the next start', async () => {
      await removal();
      await disk.sync();
      memory.kill();
      memory.quotaBytes = 100_000;
      const after = makeDisk(world);
      await after.recover([]);
      await after.salvage();
      expect(await preserved(after)).toEqual(['old']);
      expect(listAside(world)).toEqual([]);
    });
  });
});

describe('permissions', () => {
  it('that are missing fail one operation, with the path', async () => {
    world.user.makeDirectory('d');
    memory.deny(`${world.root}/d`, 'write');
    const outcome = await applyOne(disk, await installOperation(disk, 'd/a', 'x', null));
    expect(outcome).toEqual({ kind: 'failed', detail: '“d/a”: EACCES: permission denied' });
  });

  it('to write the root are asked for before a claim', async () => {
    memory.deny(world.root, 'write');
    expect(await disk.probe()).toMatchObject({ kind: 'unwritable' });
  });
});

it('partial files are kept for a day, whole ones only on request', async () => {
  await disk.stageAppend('part', [{ kind: 'data', data: Buffer.from('12345') }]);
  await disk.stageWhole([item('whole', 'x')]);
  expect((await disk.stageSweep(new Set())).bytes).toBe(5);
  tick(25 * 3600_000);
  expect((await disk.stageSweep(new Set(['part']))).bytes).toBe(5);
  expect((await disk.stageSweep(new Set())).bytes).toBe(0);
  expect(await disk.stageOpen('part')).toEqual({ bytes: 0 });
});

describe('preserving a directory', () => {
  it('does not take what must not go with it', async () => {
    for (const name of ['kept', 'extra']) world.user.write(`d/${name}`, name);
    const operation = { kind: 'preserve', path: 'd', preserve: order('d', true), unless: ['gone', 'kept'] } as const;
    expect(await applyOne(disk, operation)).toMatchObject({ kind: 'not-empty', names: ['kept'] });
    expect(world.user.read('d/extra')).toBe('extra');
    world.user.remove('d/kept');
    expect(await applyOne(disk, operation)).toMatchObject({ kind: 'done' });
    const [item] = await disk.preserved('conflicts');
    expect(world.user.read(`.tandem/conflicts/${item!.id}/d/extra`)).toBe('extra');
    expect(world.user.exists('d')).toBe(false);
  });
});
