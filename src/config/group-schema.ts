/** The schema of group.yaml: what replicates between whom. The same file lies on every member. */
import { z } from 'zod';
import { addressKey, durationKey, FORMS, guidKey, keyNotes, sizeKey, textKey } from './key-notes.ts';
import { SCHEDULE_FORM, scheduleKey } from './schedule-key.ts';

const HOUR_MS = 3_600_000;

const group = z.strictObject({
  name: textKey().register(keyNotes, {
    form: 'a name',
    about: 'Name of the replication group, for people.',
    example: 'projects',
  }),
  guid: guidKey().register(keyNotes, {
    form: FORMS.guid,
    about: 'Identity of the replication group. Never change it.',
  }),
  tombstoneLifetime: durationKey({ atLeastMs: HOUR_MS }).prefault('60d').register(keyNotes, {
    form: FORMS.duration,
    about: 'How long the memory of a deletion is kept. A member that was away for longer is not let back in silently.',
  }),
  schedule: scheduleKey().prefault('always').register(keyNotes, {
    form: SCHEDULE_FORM,
    about:
      'When connections replicate, and how fast. Levels are off, 16kbps, 64kbps, 128kbps, 256kbps, 512kbps, 1Mbps, 2Mbps and so on to 256Mbps, and full. The first rule that fits decides; where none fits nothing moves.',
    example: '"mon-fri 08:00-18:00: 1Mbps, else: full"',
  }),
});

const member = z.strictObject({
  guid: guidKey().register(keyNotes, {
    form: FORMS.guid,
    about: 'Identity of the member, as “tandem init” printed it.',
  }),
  address: addressKey().register(keyNotes, {
    form: FORMS.address,
    about: 'Where its partners reach the member.',
    example: '"alpha.example:7420"',
  }),
  certificate: textKey().register(keyNotes, {
    form: 'a certificate in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----',
    about:
      'The member’s certificate, as “tandem init” printed it. Whoever holds its key is this member; nobody else is.',
  }),
});

const connection = z.strictObject({
  from: textKey().register(keyNotes, { form: 'the name of a member', about: 'The member that sends.' }),
  to: textKey().register(keyNotes, { form: 'the name of a member', about: 'The member that receives, and calls.' }),
  guid: guidKey().optional().register(keyNotes, {
    form: FORMS.guid,
    about: 'Identity of the connection. Without it one is derived from the group and the two members.',
  }),
  enabled: z
    .boolean()
    .prefault(true)
    .register(keyNotes, { form: 'true or false', about: 'False: nothing travels over this connection.' }),
  schedule: scheduleKey().optional().register(keyNotes, {
    form: SCHEDULE_FORM,
    about: 'When this connection replicates, and how fast. Without it the group’s schedule holds.',
    example: '{ time: utc, week: "22:00-06:00: full" }',
  }),
});

const pattern = () =>
  textKey().refine(text => !text.includes('/') && !text.includes('\0'), {
    error: 'a pattern is compared with names, not with paths: it holds no “/”; * stands for any characters, ? for one',
  });

const folder = z.strictObject({
  guid: guidKey().register(keyNotes, {
    form: FORMS.guid,
    about: 'Identity of the replicated folder. Never change it.',
  }),
  primary: textKey().optional().register(keyNotes, {
    form: 'the name of one of the folder’s members',
    about:
      'Whose content wins at the first synchronisation; what differs on the others is kept in their pre-existing area. Without it the contents are merged.',
  }),
  members: z
    .record(
      z.string(),
      textKey().register(keyNotes, { form: 'an absolute path', about: 'Root directory of the folder on that member.' }),
    )
    .register(keyNotes, {
      form: 'a map from member names to absolute paths',
      about: 'Where the folder lies on each member that has it.',
      example: '{ alpha: /srv/docs, beta: /srv/docs }',
      each: 'member',
    }),
  readOnly: z.array(textKey()).prefault([]).register(keyNotes, {
    form: 'a list of names of the folder’s members',
    about:
      'Members that only receive. Nothing of theirs reaches the others, and what is changed there is undone; the changed content is kept in their conflict area.',
    example: '[beta]',
  }),
  filters: z
    .strictObject({
      files: z.array(pattern()).prefault(['~*', '*.bak', '*.tmp']).register(keyNotes, {
        form: 'a list of name patterns',
        about: 'Files with such names are not replicated. * stands for any characters, ? for one.',
      }),
      directories: z.array(pattern()).prefault([]).register(keyNotes, {
        form: 'a list of name patterns',
        about: 'Directories with such names are not replicated, nor is anything below them.',
      }),
    })
    .prefault({})
    .register(keyNotes, {
      form: 'a map with the keys files and directories',
      about: 'What in the folder is left alone.',
    }),
  quiet: durationKey({ atLeastMs: 0, atMostMs: HOUR_MS }).prefault('100ms').register(keyNotes, {
    form: FORMS.duration,
    about: 'How long a file has to rest after a change before it is sent.',
  }),
  quietLimit: durationKey({ atLeastMs: 0, atMostMs: 24 * HOUR_MS })
    .prefault('5s')
    .register(keyNotes, { form: FORMS.duration, about: 'The longest that a file which never rests is held back.' }),
  rescan: durationKey({ atLeastMs: 1000, atMostMs: 7 * 24 * HOUR_MS })
    .prefault('1h')
    .register(keyNotes, {
      form: FORMS.duration,
      about: 'How often the whole folder is compared with what is known of it, whatever the watcher says.',
    }),
  stagingQuota: sizeKey({ atLeastBytes: 1024 * 1024 })
    .prefault('4GiB')
    .register(keyNotes, {
      form: FORMS.size,
      about: 'Space under .tandem/ for content on its way. A file that is larger still gets through, alone.',
    }),
  conflictQuota: sizeKey({ atLeastBytes: 1024 * 1024 })
    .prefault('4GiB')
    .register(keyNotes, {
      form: FORMS.size,
      about:
        'Space for preserved items in .tandem/conflicts. From 90 % on the oldest whose content is still in the folder go, down to 60 %. What is nowhere else stays; it is said when that exceeds the quota.',
    }),
  purgeOnlyCopies: z.boolean().prefault(false).register(keyNotes, {
    form: 'true or false',
    about:
      'True: to keep within conflictQuota also preserved content that is nowhere else is deleted, the oldest first.',
  }),
  brakes: z
    .strictObject({
      deletedShare: z.number().min(0).prefault(0.5).register(keyNotes, {
        form: 'a number from 0 to 1',
        about:
          'When one scan finds more than this share of the files deleted, the folder halts and asks first. 1: never.',
      }),
      changedShare: z.number().min(0).prefault(0.5).register(keyNotes, {
        form: 'a number from 0 to 1',
        about: 'The same for files whose content changed.',
      }),
      minimumFiles: z.int().min(0).prefault(100).register(keyNotes, {
        form: 'a whole number',
        about: 'While fewer files than this are concerned, nothing is held.',
      }),
    })
    .prefault({})
    .register(keyNotes, {
      form: 'a map',
      about: 'When to stop and ask instead of replicating what looks like an accident.',
    }),
});

export const groupSchema = z.strictObject({
  group: group.register(keyNotes, {
    form: 'a map with the keys name and guid',
    about: 'The replication group as a whole.',
  }),
  members: z
    .record(z.string(), member)
    .register(keyNotes, { form: 'a map from names to members', about: 'Every host of the group.', each: 'member' }),
  connections: z
    .union([z.literal('full-mesh'), z.array(connection)])
    .prefault('full-mesh')
    .register(keyNotes, {
      form: 'full-mesh, or a list of connections such as { from: alpha, to: beta }',
      about:
        'Who sends to whom. full-mesh: everybody to everybody. A connection has one direction; for both ways write two.',
      example: '[{ from: alpha, to: beta }, { from: beta, to: alpha }]',
    }),
  folders: z
    .record(z.string(), folder)
    .register(keyNotes, { form: 'a map from names to folders', about: 'The replicated folders.', each: 'folder' }),
});

export type GroupFile = z.output<typeof groupSchema>;
