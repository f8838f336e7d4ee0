/** A TCP proxy between two members: a network that can be slow, be cut or fall silent, and that counts bytes. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Bytes that went through since the start: `toServer` are the caller's. */
  readonly counted: { readonly toServer: number; readonly toCaller: number };
  /** 'open': all passes. 'silent': connections stay and nothing passes, as with a dropped cable. 'cut': connections are torn and refused. */
  set(state: ProxyState): void;
  /** Every piece waits this long in each direction. */
  delay(ms: number): void;
  /** Tears the present connections once; new ones pass. */
  tear(): void;
  close(): Promise<void>;
}

export type ProxyState = 'open' | 'silent' | 'cut';

export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  let state: ProxyState = 'open';
  let delayMs = 0;
  const sockets = new Set<Socket>();
  const counted = { toServer: 0, toCaller: 0 };

  const forward = (from: Socket, to: Socket, count: (bytes: number) => void): void => {
    let queue = Promise.resolve();
    from.on('data', data => {
      from.pause();
      queue = queue.then(async () => {
        if (delayMs > 0) await new Promise(resolve => setTimeout(resolve, delayMs));
        while (state === 'silent' && !from.destroyed) await new Promise(resolve => setTimeout(resolve, 20));
        count(data.length);
        if (!to.destroyed && !to.write(data))
          await new Promise<void>(resolve => to.once('drain', resolve).once('close', resolve));
        from.resume();
      });
    });
    from.on('end', () => void queue.then(() => to.end()));
    from.on('close', () => void queue.then(() => to.destroy()));
    from.on('error', () => to.destroy());
  };

  const server = createServer({ allowHalfOpen: true }, caller => {
    if (state === 'cut') {
      caller.destroy();
      return;
    }
    const callee = connect({ ...target, allowHalfOpen: true });
    for (const socket of [caller, callee]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => sockets.delete(socket));
    }
    forward(caller, callee, bytes => {
      counted.toServer += bytes;
    });
    forward(callee, caller, bytes => {
      counted.toCaller += bytes;
    });
  });
  await listen(server, await findFreePort());
  const tear = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    counted,
    set: next => {
      state = next;
      if (next === 'cut') tear();
    },
    delay: ms => {
      delayMs = ms;
    },
    tear,
    close: () => {
      state = 'cut';
      tear();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
}

/** Ports below those the kernel gives to outgoing connections; each process that runs tests has its own, each port once. */
const FIRST_PORT = 20_000;
const PORTS_OF_A_PROCESS = 1500;
const PROCESSES = 8;
const ownPorts = FIRST_PORT + (Number(process.env.VITEST_POOL_ID ?? process.pid) % PROCESSES) * PORTS_OF_A_PROCESS;
let nextPort = Math.floor(Math.random() * PORTS_OF_A_PROCESS);

/** A port nobody listens on just now, and that nobody else who tests here will be given soon. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = ownPorts + (nextPort++ % PORTS_OF_A_PROCESS);
    const server = createServer();
    const free = await listen(server, port).then(
      () => true,
      () => false,
    );
    await new Promise(resolve => server.close(resolve));
    if (free) return port;
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
