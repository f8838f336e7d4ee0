/** Who is let in: the holder of the key pinned in group.yaml and nobody else. */

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { eventOf } from './harness/admin-view.ts';
import { arrives, get, put } from './harness/files.ts';
import { makeIdentity } from './harness/identity.ts';
import { createMember } from './harness/member.ts';
import { findFreePort } from './harness/proxy.ts';
import { startGroup } from './harness/scenario.ts';

describe('trust', () => {
  test('members whose pinned certificates are exchanged refuse each other and say so', async () => {
    const group = await startGroup({ label: 'swapped', members: ['alpha', 'beta', 'gamma'], start: false });
    const [alpha, beta, gamma] = [group.member('alpha'), group.member('beta'), group.member('gamma')];
    // alpha expects gamma's key from beta, and beta's from gamma.
    group.writeGroupFile((file, member) => {
      if (member !== 'alpha') return;
      file.members.beta!.certificate = gamma.identity.certificate;
      file.members.gamma!.certificate = beta.identity.certificate;
    });
    put(alpha.root, { secret: 'for those I know' });
    await group.start();
    await eventOf(alpha, 'PEER_REFUSED', /beta|gamma|certificate|key/i);
    put(beta.root, { between: 'beta and gamma' });
    await arrives(gamma, 'between', 'beta and gamma');
    expect(get(beta.root, 'secret')).toBeNull();
    expect(get(gamma.root, 'secret')).toBeNull();
    expect(get(alpha.root, 'between')).toBeNull();
    group.writeGroupFile();
    for (const member of group.members) member.signal('SIGHUP');
    await group.identical({ timeoutMs: 60_000 });
  });

  test('a stranger with a key of its own is refused with an event, and served nothing', async () => {
    const group = await startGroup({ label: 'stranger', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    put(alpha.root, { secret: 's' });
    await group.identical();
    const root = join(group.workspace.path, 'stranger root');
    const stranger = await createMember({
      name: 'beta',
      directory: join(group.workspace.path, 'stranger'),
      port: await findFreePort(),
      roots: { docs: root },
    });
    put(root, { intruder: 'x' });
    // The stranger knows all of group.yaml but beta's key, and claims to be beta.
    const copy = structuredClone(group.groupFile);
    copy.members.beta = {
      ...copy.members.beta!,
      address: stranger.identity.address,
      certificate: stranger.identity.certificate,
    };
    (copy.folders.docs!.members as Record<string, string>).beta = root;
    writeFileSync(join(stranger.home, 'group.yaml'), JSON.stringify(copy));
    claimGuid(join(stranger.home, 'identity/member.json'), { from: stranger.identity.guid, to: beta.identity.guid });
    try {
      await stranger.start();
      await eventOf(alpha, 'PEER_REFUSED');
      put(alpha.root, { 'second secret': 't' });
      await arrives(beta, 'second secret', 't');
      expect(get(root, 'secret')).toBeNull();
      expect(get(alpha.root, 'intruder')).toBeNull();
    } finally {
      if (stranger.running) await stranger.kill();
    }
  });

  test('a certificate past its end is refused, and the event says so', async () => {
    const group = await startGroup({ label: 'expired', members: ['alpha', 'beta'], start: false });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    const expired = await makeIdentity(beta, { notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') });
    group.writeGroupFile(file => {
      file.members.beta!.certificate = expired;
    });
    put(alpha.root, { file: 'f' });
    await alpha.start();
    const ended = beta.startToEnd();
    await Promise.race([ended, eventOf(alpha, 'PEER_REFUSED', /expired|not valid|validity/i)]);
    if (beta.running) await beta.kill();
    expect(get(beta.root, 'file')).toBeNull();
    expect(`${beta.log()}${alpha.log()}`).toMatch(/expired|not valid|validity/i);
  });

  test('callers without TLS, without a certificate, or with noise are dropped, and the member goes on', async () => {
    const group = await startGroup({ label: 'noise', members: ['alpha', 'beta'] });
    const [alpha, beta] = [group.member('alpha'), group.member('beta')];
    await Promise.all([
      closesOn(socket => socket.end('GET / HTTP/1.1\r\n\r\n'), connectTcp(alpha.port, '127.0.0.1')),
      closesOn(socket => socket.end(Buffer.alloc(100_000, 0xff)), connectTcp(alpha.port, '127.0.0.1')),
      closesOn(
        () => {},
        connectTls({ port: alpha.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
      ),
    ]);
    put(alpha.root, { still: 'here' });
    await arrives(beta, 'still', 'here');
  });

  test('the admin socket and the private key are for the owner only', async () => {
    const group = await startGroup({ members: ['alpha', 'beta'] });
    const { home } = group.member('alpha');
    expect(statSync(join(home, 'admin.sock')).mode & 0o777).toBe(0o600);
    const keys = readdirSync(join(home, 'identity')).filter(name =>
      readFileSync(join(home, 'identity', name), 'utf8').includes('PRIVATE KEY'),
    );
    expect(keys.length).toBeGreaterThan(0);
    for (const name of keys) expect(statSync(join(home, 'identity', name)).mode & 0o077).toBe(0);
  });
});

function claimGuid(memberFile: string, guid: { readonly from: string; readonly to: string }): void {
  writeFileSync(memberFile, readFileSync(memberFile, 'utf8').replaceAll(guid.from, guid.to));
}

/** Resolves when the other side has ended the connection; what it says before is nothing to trust. */
function closesOn<
  S extends { on(event: string, listener: () => void): unknown; resume(): unknown; destroy(): unknown },
>(begin: (socket: S) => void, socket: S): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error('the member keeps a connection open that it should have dropped'));
    }, 20_000);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume();
    begin(socket);
  });
}
