/** Since which version a file has the content it has: a partner that was told of that one need not be given it again. */
import { equalContent } from './reconcile.ts';
import type { FileRecord } from './update.ts';

/** The record as it is to be kept where it takes the place of `before`, the record that was here of the same file. */
export function withContentSince(record: FileRecord, before: FileRecord | undefined): FileRecord {
  const same = before && !before.provisional && record.kind === 'file' && equalContent(before, record);
  const since = same ? (before.contentSince ?? before.gvsn) : record.gvsn;
  const contentSince = since === record.gvsn ? undefined : since;
  if (contentSince === record.contentSince) return record;
  const { contentSince: _other, ...rest } = record;
  return contentSince ? { ...rest, contentSince } : rest;
}
