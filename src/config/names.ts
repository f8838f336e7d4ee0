/** What may be the name of a group, a member or a folder. */

const GUID = /^\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i;

/** Why `name` cannot be one, with what to do; null if it can. */
export function faultOfName(name: string): string | null {
  if (!/^[\p{L}\p{N}]([\p{L}\p{N}._ -]{0,62}[\p{L}\p{N}._-])?$/u.test(name)) {
    return `“${name}” cannot be a name; use 1 to 64 letters, digits, “.”, “_”, “-” and spaces, starting with a letter or digit`;
  }
  return GUID.test(name) ? 'a name that looks like a GUID would be mistaken for one; choose another' : null;
}
