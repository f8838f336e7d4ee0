/** Programs we did not write, as clients of the NBD server: what each of them believes to have stored is compared with what is there. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openFileDevice } from '../unit/block/file-device.ts';
import { type HostOptions, type NbdHost, startNbdHost } from '../unit/block/nbd/host.ts';
import { makeIdentity } from '../unit/peer/certificates.ts';
import { haveProgram, outliveNothing, run, runWell } from './harness/program.ts';
import { until } from './harness/until.ts';

const MIB = 1024 * 1024;
let host: NbdHost;
let undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of undo.reverse()) await step();
  undo = [];
  await host.stop();
});

/** A server whose export `v` is a fresh file of this size. */
async function serveFile(size: number, options: HostOptions = {}): Promise<{ uri: string; backing: string }> {
  host = await startNbdHost(options);
  const backing = join(host.directory, 'backing');
  const file = openSync(backing, 'w');
  ftruncateSync(file, size);
  closeSync(file);
  const device = openFileDevice(backing);
  undo.push(() => device.close());
  await host.exports.change('v', { device, description: 'a volume' });
  return { uri: uriOf('v'), backing };
}

function uriOf(name: string): string {
  return `nbd+unix:///${name}?socket=${host.server.where}`;
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Noise with zeroes between, as volumes are. */
function makeImage(path: string, size: number): void {
  const image = Buffer.alloc(size);
  for (let at = 0; at < size; at += 3 * MIB) randomBytes(Math.min(MIB, size - at)).copy(image, at);
  writeFileSync(path, image);
}

test('nbdinfo reads what an export can do, and the maps of its contexts', async ({ skip }) => {
  if (!haveProgram('nbdinfo')) return skip('nbdinfo is not installed (libnbd-bin)');
  const dirty = {
    name: 'tandem:dirty:a',
    extents: async (_: number, length: number) => [
      { length: MIB, flags: 1 },
      { length: length - MIB, flags: 0 },
    ],
  };
  const { uri } = await serveFile(4 * MIB, { spec: { contexts: () => [dirty] } });
  await host.exports.change('v', { contexts: () => [dirty] });
  const { exports } = JSON.parse(await runWell('nbdinfo', ['--json', '--list', uri])) as { exports: object[] };
  expect(exports).toEqual([
    expect.objectContaining({
      'export-name': 'v',
      description: 'a volume',
      'export-size': 4 * MIB,
      is_read_only: false,
      can_df: true,
      can_flush: true,
      can_fua: true,
      can_multi_conn: true,
      can_trim: true,
      can_zero: true,
      can_cache: false,
      can_fast_zero: false,
      contexts: ['base:allocation', 'tandem:dirty:a'],
    }),
  ]);
  const map = async (context: string) => JSON.parse(await runWell('nbdinfo', ['--json', `--map=${context}`, uri]));
  expect(await map('base:allocation')).toEqual([{ offset: 0, length: 4 * MIB, type: 3, description: 'hole,zero' }]);
  expect(await map('tandem:dirty:a')).toEqual([
    expect.objectContaining({ offset: 0, length: MIB, type: 1 }),
    expect.objectContaining({ offset: MIB, length: 3 * MIB, type: 0 }),
  ]);
});

test('nbdcopy brings an image in and out over several connections, in requests of 32 MiB', async ({ skip }) => {
  if (!haveProgram('nbdcopy')) return skip('nbdcopy is not installed (libnbd-bin)');
  const size = 80 * MIB;
  const { uri, backing } = await serveFile(size);
  const [image, copy] = [join(host.directory, 'image'), join(host.directory, 'copy')];
  makeImage(image, size);
  await runWell('nbdcopy', ['--flush', '--connections=4', '--request-size=33554432', image, uri]);
  expect(sha256(backing)).toBe(sha256(image));
  await runWell('nbdcopy', ['--connections=2', uri, copy]);
  expect(sha256(copy)).toBe(sha256(image));
});

test('qemu-io and qemu-img write, zero, discard, compare and are refused', async ({ skip }) => {
  if (!haveProgram('qemu-io')) return skip('qemu-io is not installed (qemu-utils)');
  const { uri, backing } = await serveFile(80 * MIB);
  const commands = [
    'write -P 7 1M 3M',
    'read -P 7 1M 3M',
    'read -P 0 0 1M',
    'write -P 5 511 1025',
    'read -P 5 511 1025',
    'write -f -P 9 32M 32M',
    'read -P 9 32M 32M',
    'write -z 2M 64k',
    'write -z -u 34M 64k',
    'discard 1M 1M',
    'flush',
    'read -P 0 1M 1M',
    'read -P 0 2M 64k',
    'read -P 0 34M 64k',
    'read -P 9 33M 1M',
  ];
  const said = await runWell('qemu-io', ['-f', 'raw', ...commands.flatMap(command => ['-c', command]), uri]);
  expect(said).not.toMatch(/failed|error/i);
  await runWell('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', backing, uri]);
  await host.exports.change('v', { readOnly: true });
  const refused = await run('qemu-io', ['-f', 'raw', '-c', 'write 0 4k', uri]);
  expect(refused.exitCode).not.toBe(0);
  expect(`${refused.stdout}${refused.stderr}`).toMatch(/permission denied/i);
});

test('fio finds what it wrote, with sixteen requests on the way and two jobs', async ({ skip }) => {
  if (!haveProgram('fio')) return skip('fio is not installed');
  const { uri } = await serveFile(32 * MIB);
  const job = ['--ioengine=nbd', `--uri=${uri}`, '--rw=randrw', '--bsrange=512-128k', '--iodepth=16', '--fsync=50'];
  const checks = ['--verify=crc32c', '--verify_fatal=1', '--numjobs=2', '--size=16M', '--offset_increment=16M'];
  const said = await runWell('fio', ['--name=verify', ...job, ...checks, '--output-format=json'], {
    cwd: host.directory,
  });
  const { jobs } = JSON.parse(said.slice(said.indexOf('{'))) as {
    jobs: { error: number; write: { io_bytes: number } }[];
  };
  expect(jobs.map(({ error }) => error)).toEqual([0, 0]);
  expect(host.exports.record('v')?.clients).toEqual([]);
});

test('nbd-client lists the exports', async ({ skip }) => {
  if (!haveProgram('nbd-client')) return skip('nbd-client is not installed');
  await serveFile(MIB);
  host.exports.add({ name: 'w', device: host.device, readOnly: true });
  expect(await runWell('nbd-client', ['-l', '-unix', host.server.where])).toMatch(/^v: a volume\nw$/m);
});

test('nbdsh sees on one connection what it flushed on another, and the errors it expects', async ({ skip }) => {
  if (!haveProgram('nbdsh')) return skip('nbdsh is not installed (python3-libnbd)');
  const { uri } = await serveFile(MIB);
  const script = `
import errno
other = nbd.NBD()
other.connect_uri(${JSON.stringify(uri)})
assert h.can_multi_conn()
for turn in range(200):
    h.pwrite(bytes([turn]) * 4096, 4096 * turn)
    (h if turn % 2 else other).flush()
    assert other.pread(4096, 4096 * turn) == bytes([turn]) * 4096
h.set_strict_mode(0)
def refused(what, wanted):
    try:
        what()
        assert False, wanted
    except nbd.Error as e:
        assert e.errnum == wanted, (e.errnum, wanted)
refused(lambda: h.pread(1024, 1024 * 1024 - 512), errno.EINVAL)
refused(lambda: h.pwrite(bytes(1024), 1024 * 1024 - 512), errno.ENOSPC)
refused(lambda: h.zero(1024, 1024 * 1024 - 512), errno.ENOSPC)
refused(lambda: h.trim(1024, 1024 * 1024 - 512), errno.EINVAL)
refused(lambda: h.cache(1024, 0), errno.EINVAL)
refused(lambda: h.zero(1024, 0, nbd.CMD_FLAG_FAST_ZERO), errno.EINVAL)
h.pwrite(b"fua" * 512, 0, nbd.CMD_FLAG_FUA)
assert h.pread_structured(512, 0, lambda *_: 0, nbd.CMD_FLAG_DF)[:3] == b"fua"
h.shutdown()
`;
  // It is a module of the system's own Python.
  await runWell('nbdsh', ['-u', uri, '-c', script], { env: { PATH: '/usr/bin:/bin' } });
});

test('libnbd comes in over TLS with a certificate, and not without', async ({ skip }) => {
  if (!haveProgram('nbdinfo')) return skip('nbdinfo is not installed (libnbd-bin)');
  const authority = await makeIdentity('authority', { authority: true });
  const server = await makeIdentity('localhost', { issuer: authority });
  const client = await makeIdentity('client', { issuer: authority });
  await serveFile(MIB, {
    listen: { kind: 'tcp', address: { host: '127.0.0.1', port: 0 } },
    tls: {
      required: true,
      key: server.key,
      certificate: server.certificate,
      clientAuthorities: [authority.certificate],
    },
  });
  const certificates = join(host.directory, 'certificates');
  mkdirSync(certificates);
  writeFileSync(join(certificates, 'ca-cert.pem'), authority.certificate);
  writeFileSync(join(certificates, 'client-cert.pem'), client.certificate);
  writeFileSync(join(certificates, 'client-key.pem'), client.key);
  const at = `localhost:${host.server.port}/v`;
  const info = await runWell('nbdinfo', ['--json', `nbds://${at}?tls-certificates=${certificates}`]);
  expect(JSON.parse(info)).toMatchObject({ TLS: true });
  expect((await run('nbdinfo', [`nbd://${at}`])).exitCode).not.toBe(0);
  expect((await run('nbdinfo', [`nbds://${at}`])).exitCode).not.toBe(0);
});

test('a file system made, filled and unmounted through nbdfuse and a loop device is sound', {
  timeout: 60_000,
}, async ({ skip }) => {
  for (const program of ['nbdfuse', 'mkfs.ext4', 'losetup', 'mount', 'fusermount3']) {
    if (!haveProgram(program))
      return skip(`${program} is not installed (nbdfuse, e2fsprogs, util-linux, mount, fuse3)`);
  }
  if (process.getuid?.() !== 0 || !existsSync('/dev/fuse') || spawnSync('losetup', ['-f']).status !== 0) {
    return skip('FUSE and loop devices are not to be had here');
  }
  const { uri, backing } = await serveFile(64 * MIB);
  const [fuse, root] = [join(host.directory, 'fuse'), join(host.directory, 'root')];
  for (const directory of [fuse, root]) mkdirSync(directory);
  const nbdfuse = spawn('nbdfuse', [fuse, uri], { stdio: 'inherit' });
  outliveNothing(nbdfuse);
  undo.push(() => run('fusermount3', ['-u', '-z', fuse]));
  await until('nbdfuse shows the volume', () => existsSync(join(fuse, 'nbd')));
  const loop = (await runWell('losetup', ['--show', '-f', join(fuse, 'nbd')])).trim();
  undo.push(() => run('losetup', ['-d', loop]));
  await runWell('mkfs.ext4', ['-q', '-E', 'lazy_itable_init=0', loop]);
  await runWell('mount', [loop, root]);
  undo.push(() => run('umount', [root]));
  const image = join(host.directory, 'image');
  makeImage(image, 20 * MIB);
  // Only other processes touch the file system: this one serves its volume and must never wait for it.
  const fill = `
    cp '${image}' large
    for i in $(seq 200); do head -c $((i * 37)) '${image}' > "small $i"; done
    sync -f .`;
  await runWell('sh', ['-e', '-c', fill], { cwd: root });
  await runWell('umount', [root]);
  await runWell('mount', [loop, root]);
  await runWell('cmp', [image, join(root, 'large')]);
  await runWell('umount', [root]);
  await runWell('losetup', ['-d', loop]);
  await runWell('fusermount3', ['-u', fuse]);
  await until('nbdfuse has left', () => host.exports.record('v')?.clients.length === 0);
  await runWell('fsck.ext4', ['-f', '-n', backing]);
});
