import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Address, formatAddress, parseAddress } from '../../base/address.ts';
import { TandemError } from '../../base/errors.ts';
import { makeHome, writeMemberFile } from '../../config/member-home.ts';
import { faultOfName } from '../../config/names.ts';
import { createIdentity } from '../../peer/identity.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { printJson } from '../records-output.ts';

export const initCommands: readonly CommandSpec[] = [
  {
    words: ['init'],
    summary:
      'make a member on this host: key, certificate, GUID and a commented member.yaml; prints its part of group.yaml',
    parameters: [{ usage: '<name>', about: 'name of the member in group.yaml' }],
    options: [
      {
        flags: '--listen <host:port>',
        about: 'where the member listens for its partners',
        fallback: '0.0.0.0:7420',
        parse: parseAddress,
      },
      {
        flags: '--address <host:port>',
        about: 'where its partners reach it, if that is not where it listens',
        parse: parseAddress,
      },
    ],
    examples: [
      'init alpha --listen 0.0.0.0:7420 --address alpha.example:7420',
      'init beta --home /var/lib/tandem --listen "[::]:7420" --json',
    ],
    target: 'home',
    run: async call => {
      const name = call.parameters[0]!;
      const fault = faultOfName(name);
      if (fault !== null) throw new TandemError('INVALID_ARGUMENT', fault);
      const listen = optionOf<Address>(call, 'listen');
      await makeHome(call.home);
      const identity = await createIdentity(join(call.home, 'identity'), name);
      await writeMemberFile(call.home, { name, listen });
      const address = formatAddress((call.options.address as Address | undefined) ?? reachable(listen));
      const member = { name, guid: identity.guid, address, certificate: identity.certificate };
      if (call.json) return printJson(call, member);
      call.terminal.out(membersText(member));
      call.terminal.err(
        `Member ${name} is in ${call.home}. Put the lines above into group.yaml on every member, copy that file to\n` +
          `${join(call.home, 'group.yaml')}, check it with “tandem config check --home ${call.home}”, then start\n` +
          `“tandem daemon --home ${call.home}”.\n`,
      );
    },
  },
];

/** Partners cannot call a wildcard: the host's own name is the best guess. */
function reachable(listen: Address): Address {
  return ['0.0.0.0', '::'].includes(listen.host) ? { host: hostname(), port: listen.port } : listen;
}

function membersText(member: { name: string; guid: string; address: string; certificate: string }): string {
  const certificate = member.certificate
    .trim()
    .split('\n')
    .map(line => `      ${line}\n`)
    .join('');
  return `members:
  ${JSON.stringify(member.name)}:
    guid: ${member.guid}
    address: ${JSON.stringify(member.address)}
    certificate: |
${certificate}`;
}
