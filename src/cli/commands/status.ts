import type { StatusAnswer } from '../../admin/backend.ts';
import { backlogSummaryNoun } from '../../admin/records/backlog-summary.ts';
import { connectionNoun } from '../../admin/records/connection.ts';
import { attentionNoun } from '../../admin/records/event.ts';
import { fileSystemNoun } from '../../admin/records/file-system.ts';
import { folderNoun } from '../../admin/records/folder.ts';
import { localMemberNoun } from '../../admin/records/local-member.ts';
import { SERVICE_STATES } from '../../admin/records/names.ts';
import { serviceNoun } from '../../admin/records/service.ts';
import type { CommandSpec } from '../command.ts';
import { printJson, printRecord, printRecords, recordToJson } from '../records-output.ts';
import { formatTable } from '../table.ts';
import { printable } from '../terminal.ts';

export const statusCommands: readonly CommandSpec[] = [
  {
    words: ['status'],
    summary: 'show the member, its folders and connections, and what needs a hand',
    examples: ['status', 'status --home /var/lib/tandem --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const status = await client.status();
        if (call.json) printJson(call, statusToJson(status));
        else call.terminal.out(statusText(status, call.terminal.columns));
      }),
  },
  {
    words: ['member', 'show'],
    summary: 'show this member of its replication group',
    examples: ['member show', 'member show --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => printRecord(call, localMemberNoun, (await client.localMember()).member)),
  },
  {
    words: ['file-system', 'list'],
    summary: 'list the file systems on which this member’s folders lie',
    examples: ['file-system list', 'file-system list --json'],
    target: 'daemon',
    run: call =>
      call.withClient(async client => {
        const { fileSystems } = await client.fileSystems();
        printRecords(call, {
          noun: fileSystemNoun,
          rows: fileSystems,
          none: 'no folder has a root that can be looked at',
        });
      }),
  },
];

function statusToJson(status: StatusAnswer) {
  return {
    Service: recordToJson(serviceNoun, status.service),
    Folders: status.folders.map(folder => recordToJson(folderNoun, folder)),
    Connections: status.connections.map(connection => recordToJson(connectionNoun, connection)),
    Backlogs: status.backlogs.map(backlog => recordToJson(backlogSummaryNoun, backlog)),
    Attention: status.attention.map(attention => recordToJson(attentionNoun, attention)),
  };
}

function statusText(status: StatusAnswer, columns: number | null): string {
  const { service } = status;
  const state = SERVICE_STATES[service.State as keyof typeof SERVICE_STATES] ?? String(service.State);
  const head = `${service.MemberName} of ${service.ReplicationGroupName}: ${state}${service.StateReason === '' ? '' : ` (${service.StateReason})`}, Tandem ${service.ProviderVersion}, listens on ${service.Listen}`;
  const folders = status.folders.length > 0 ? formatTable(folderNoun, status.folders, columns) : 'no folders\n';
  const connections =
    status.connections.length > 0 ? formatTable(connectionNoun, status.connections, columns) : 'no connections\n';
  const behind = status.backlogs.filter(({ BacklogFileCount }) => BacklogFileCount !== 0);
  const backlog = behind.length > 0 ? formatTable(backlogSummaryNoun, behind, columns) : 'no backlog\n';
  const attention = status.attention.map(
    ({ Subject, Problem, Command }) =>
      `${printable(Subject)}: ${printable(Problem)}\n${Command === '' ? '' : `    ${printable(Command)}\n`}`,
  );
  return `${printable(head)}\n\n${folders}\n${connections}\n${backlog}\n${attention.length > 0 ? `Needs a hand:\n${attention.join('')}` : 'Nothing needs a hand.\n'}`;
}
