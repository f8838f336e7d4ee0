/** Clients are served alike whether or not a connection can be read into memory of the server's choice. */
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type NbdHost, startNbdHost } from './host.ts';
import { content } from './nbd-client.ts';

const MIB = 1024 * 1024;
const [READ, WRITE] = [0, 1];

let host: NbdHost;
afterEach(() => host.stop());

/** What all that Node keeps behind connections has in common. */
async function behindConnections(path: string): Promise<{ useUserBuffer: unknown }> {
  const server = createServer();
  const accepted = new Promise<Socket>(resolve => server.once('connection', resolve));
  await new Promise<void>(resolve => server.listen(path, resolve));
  const client = connect(path);
  const socket = await accepted;
  let behind = (socket as unknown as { _handle: object })._handle;
  client.destroy();
  socket.destroy();
  server.close();
  while (!Object.hasOwn(behind, 'useUserBuffer')) behind = Object.getPrototypeOf(behind) as object;
  return behind as { useUserBuffer: unknown };
}

test.each([true, false])('large and small requests, read directly: %s', async directly => {
  host = await startNbdHost({ size: 4 * MIB });
  const behind = await behindConnections(`${host.server.where}-other`);
  const { useUserBuffer } = behind;
  if (!directly) behind.useUserBuffer = undefined;
  try {
    const client = await host.client({ structured: true });
    for (const [offset, length] of [
      [0, 2 * MIB],
      [2 * MIB, 512],
      [3 * MIB, 100_000],
    ] as const) {
      const data = Buffer.alloc(length, `at ${offset}`);
      client.request({ command: WRITE, offset, data });
      expect((await client.chunk()).type).toBe(0);
      client.request({ command: READ, offset, length });
      expect((await content(client, offset, length)).equals(data)).toBe(true);
    }
  } finally {
    behind.useUserBuffer = useUserBuffer;
  }
});
