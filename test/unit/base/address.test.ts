import { expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../../../src/base/address.ts';

test('names, IPv4 and bracketed IPv6 are read and written the same', () => {
  for (const text of [
    'alpha.example:7420',
    'localhost:1',
    '192.0.2.7:65535',
    '[::1]:7420',
    '[2001:db8::7]:80',
    '[::ffff:192.0.2.1]:80',
    '[fe80::1%eth0]:80',
    'my_host-1:5',
  ]) {
    expect(formatAddress(parseAddress(text))).toBe(text);
  }
  expect(parseAddress('[::1]:7420')).toEqual({ host: '::1', port: 7420 });
});

test('anything else is refused with the form that is expected', () => {
  for (const bad of [
    '',
    'alpha',
    ':7420',
    'alpha:',
    'alpha:0',
    'alpha:65536',
    'alpha:x',
    '::1:7420',
    '[alpha]:1',
    '[::1]',
    '[:::]:1',
    '1.2.3:4',
    '1.2.3.256:4',
    'a b:4',
    '-a:4',
    'a..b:4',
    'http://a:4',
  ]) {
    expect(() => parseAddress(bad), bad).toThrow(/is not an address; write host:port/);
  }
});
