/**
 * How much payload all NBD clients together may have on the way. Each client always gets a little, whatever the others do;
 * what goes beyond comes from one store, first come first served.
 */

export interface Traffic {
  client(): ClientTraffic;
}

export interface ClientTraffic {
  /** True: taken. False: `granted` is called once, later, when it has been taken. One wait at a time. */
  take(bytes: number, granted: () => void): boolean;
  give(bytes: number): void;
  /** Gives up the wait. */
  cancel(): void;
  /** Gives everything back and waits for nothing; what is given afterwards was given by this. */
  end(): void;
}

export interface TrafficBounds {
  /** Bytes: of every client whatever the others do, beyond that of all together, and of one client at most. */
  readonly own: number;
  readonly shared: number;
  readonly client: number;
}

interface Account {
  held: number;
  wait: { readonly bytes: number; readonly granted: () => void } | null;
  ended: boolean;
}

/** A single request must fit into `client`, and into `own` and `shared` together. */
export function createTraffic({ own, shared, client }: TrafficBounds): Traffic {
  const waiting = new Set<Account>();
  let sharedHeld = 0;

  function fromShared({ held }: Account, bytes: number): number {
    return Math.max(0, held + bytes - own) - Math.max(0, held - own);
  }

  function move(account: Account, bytes: number): void {
    sharedHeld += fromShared(account, bytes);
    account.held += bytes;
  }

  /** Who waits for its own replies holds up nobody; who waits for the store goes before those who came later. */
  function grant(): void {
    for (const account of [...waiting]) {
      const { wait } = account;
      if (wait === null || account.held + wait.bytes > client) continue;
      if (sharedHeld + fromShared(account, wait.bytes) > shared) return;
      waiting.delete(account);
      account.wait = null;
      move(account, wait.bytes);
      wait.granted();
    }
  }

  function mayTake(account: Account, bytes: number): boolean {
    if (account.held + bytes > client) return false;
    const more = fromShared(account, bytes);
    return more === 0 || (waiting.size === 0 && sharedHeld + more <= shared);
  }

  return {
    client: () => {
      const account: Account = { held: 0, wait: null, ended: false };
      const cancel = (): void => {
        account.wait = null;
        waiting.delete(account);
      };
      const give = (bytes: number): void => {
        if (account.ended) return;
        move(account, -bytes);
        if (waiting.size > 0) grant();
      };
      return {
        take: (bytes, granted) => {
          if (mayTake(account, bytes)) {
            move(account, bytes);
            return true;
          }
          account.wait = { bytes, granted };
          waiting.add(account);
          return false;
        },
        give,
        cancel,
        end: () => {
          cancel();
          give(account.held);
          account.ended = true;
        },
      };
    },
  };
}
