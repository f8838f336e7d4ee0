/** The files of a new member's home, but for its identity. */
import { lstat, mkdir, open, readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Address, formatAddress } from '../base/address.ts';
import { messageOf, TandemError } from '../base/errors.ts';

/** Makes the home, readable by its owner only. HOME_EXISTS if it holds a member already. */
export async function makeHome(home: string): Promise<void> {
  const directory = resolve(home);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of ['member.yaml', 'identity']) {
      if ((await lstat(resolve(directory, name)).catch(() => null)) !== null) {
        throw new TandemError(
          'HOME_EXISTS',
          `${directory} already holds a member (${name}); choose another directory, or keep that member`,
        );
      }
    }
    await readdir(directory);
  } catch (error) {
    if (error instanceof TandemError) throw error;
    throw new TandemError(
      'CONFIG_UNREADABLE',
      `the home ${directory} cannot be made: ${messageOf(error)}`,
      { home },
      error,
    );
  }
}

/** Writes a commented member.yaml, durably. HOME_EXISTS if there is one. */
export async function writeMemberFile(
  home: string,
  member: { readonly name: string; readonly listen: Address },
): Promise<void> {
  const file = resolve(home, 'member.yaml');
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(memberFileText(member));
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new TandemError(
      exists ? 'HOME_EXISTS' : 'CONFIG_UNREADABLE',
      `${file} cannot be written: ${messageOf(error)}`,
      { file },
      error,
    );
  }
}

export function memberFileText(member: { readonly name: string; readonly listen: Address }): string {
  return `# This host's own settings. Every key: tandem config explain

# Which member of group.yaml this host is.
member: ${JSON.stringify(member.name)}

# The group's file, the same on every member; relative to this directory.
group: group.yaml

# Where this member listens for its partners.
listen: ${JSON.stringify(formatAddress(member.listen))}

# The Unix socket on which the daemon takes orders from “tandem”; relative to this directory.
# adminSocket: admin.sock

# Where NBD clients of the volumes connect: a Unix socket, HOST:PORT, or off.
# nbd: nbd.sock

# The directory in which bundles of other members arrive: they are taken in by themselves.
# spool: spool

# The least severe messages that the log shows: debug, info, warn or error.
# logLevel: info
`;
}
