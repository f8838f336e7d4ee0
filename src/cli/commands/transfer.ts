/** What moves and what waits: connections, sessions, updates, backlog. */
import { connectionNoun } from '../../admin/records/connection.ts';
import { sessionNoun } from '../../admin/records/session.ts';
import { backlogNoun, updateNoun } from '../../admin/records/update.ts';
import { formatBytes } from '../../base/sizes-and-durations.ts';
import { type CommandSpec, optionOf } from '../command.ts';
import { FOLDER_OPTION, LIMIT_OPTION } from '../option-values.ts';
import { printJson, printRecord, printRecords, recordToJson } from '../records-output.ts';
import { formatTable } from '../table.ts';

export const transferCommands: readonly CommandSpec[] = [
  {
    words: ['connection', 'list'],
    summary: 'list the inbound and outbound connections of this member, with their state and why',
    examples: ['connection list', 'connection list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { connections } = await client.connections();
        printRecords(call, {
          noun: connectionNoun,
          rows: connections,
          none: 'no connections; group.yaml joins this member with nobody',
        });
      }),
  },
  {
    words: ['connection', 'show'],
    summary: 'show all that is known of one connection',
    parameters: [{ usage: '<connection>', about: 'its GUID, its name as in alpha:beta, or its partner’s name' }],
    examples: ['connection show alpha:beta', "connection show 'alpha -> beta' --json"],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { connection } = await client.connection({ connection: call.parameters[0]! });
        printRecord(call, connectionNoun, connection);
      }),
  },
  {
    words: ['session', 'list'],
    summary: 'list synchronisation sessions with the partners: those that run, then the newest',
    options: [
      {
        flags: '--connection <connection>',
        about: 'only of this connection, by GUID, by name as in alpha:beta, or by its partner’s name',
      },
      LIMIT_OPTION,
    ],
    examples: ['session list', 'session list --connection alpha:beta --limit 10', 'session list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const connection = call.options.connection as string | undefined;
        const { sessions, total } = await client.sessions({ connection, limit: optionOf(call, 'limit') });
        printRecords(call, {
          noun: sessionNoun,
          rows: sessions,
          none: 'no sessions; “tandem connection list” tells why',
          total,
        });
      }),
  },
  {
    words: ['session', 'show'],
    summary: 'show all that is known of one synchronisation session',
    parameters: [{ usage: '<guid>', about: 'the GUID of the session' }],
    examples: ['session show 6a1f7c52-9a41-4c8b-8b0e-2f4f0f6d1c33'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { session } = await client.session({ session: call.parameters[0]! });
        printRecord(call, sessionNoun, session);
      }),
  },
  {
    words: ['update', 'list'],
    summary: 'list updates that are queued, running, waiting or blocked, and why',
    options: [FOLDER_OPTION, LIMIT_OPTION],
    examples: ['update list', 'update list --folder docs --limit 20'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const folder = call.options.folder as string | undefined;
        const { updates, total } = await client.updates({ folder, limit: optionOf(call, 'limit') });
        printRecords(call, { noun: updateNoun, rows: updates, none: 'no updates are on their way', total });
      }),
  },
  {
    words: ['backlog'],
    summary: 'count and list what one member has of a folder and another one lacks',
    options: [
      { flags: '--from <member>', about: 'the member that has it', required: true },
      { flags: '--to <member>', about: 'the member that lacks it', required: true },
      { flags: '--folder <folder>', about: 'the folder, by name or GUID', required: true },
      LIMIT_OPTION,
    ],
    examples: ['backlog --from alpha --to beta --folder docs'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const query = {
          from: optionOf<string>(call, 'from'),
          to: optionOf<string>(call, 'to'),
          folder: optionOf<string>(call, 'folder'),
        };
        const backlog = await client.backlog({ ...query, limit: optionOf(call, 'limit') });
        if (call.json) {
          const files = backlog.files.map(file => recordToJson(backlogNoun, file));
          return printJson(call, {
            ...query,
            BacklogFileCount: backlog.total,
            BacklogSizeInBytes: backlog.bytes,
            Files: files,
          });
        }
        const what = `${query.folder} from ${query.from} to ${query.to}`;
        if (backlog.total === 0) return call.terminal.out(`no backlog of ${what}\n`);
        call.terminal.out(`backlog of ${what}: ${backlog.total} updates, ${formatBytes(backlog.bytes)}\n\n`);
        call.terminal.out(formatTable(backlogNoun, backlog.files, call.terminal.columns));
        const more = backlog.total - backlog.files.length;
        if (more > 0) call.terminal.out(`and ${more} more; see them with --limit ${backlog.total}\n`);
      }),
  },
];
