import assert from 'node:assert/strict';
import { addressRange, mayConnect, ruleFor } from '../../../runtime/host/address-policy';

/** Whether this list lets a call to `url` connect to `address`. */
function allows(entry: string, url: string, address: string): boolean {
  const rule = ruleFor(new URL(url), [entry]);
  return rule !== undefined && mayConnect(rule, address);
}

describe('address policy', () => {
  it('calls addresses of the public internet public', () => {
    for (const address of ['1.1.1.1', '104.18.7.192', '2606:4700::6812:7c0', '2a00:1450:4001::1']) {
      assert.equal(addressRange(address), 'public', address);
    }
  });

  const SPECIAL = [
    ...['0.0.0.0', '127.0.0.1', '127.8.8.8', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    ...['169.254.169.254', '169.254.170.2', '100.64.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
    ...[
      '224.0.0.1',
      '239.255.255.255',
      '240.0.0.1',
      '255.255.255.255',
      '198.18.0.1',
      '203.0.113.7',
      '192.88.99.1',
    ],
    ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1', '100::1'],
    ...['::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', '64:ff9b::808:808'],
    ...['64:ff9b:1::a00:1', '2002:a9fe:a9fe::1', '2001:0:1::1', '2001:db8::1', '::127.0.0.1', '::7f00:1'],
    ...['4000::1', '5f00::1', 'not an address', ''],
  ];
  for (const address of SPECIAL) {
    it(`never calls ${address || 'nothing'} public`, () => {
      assert.notEqual(addressRange(address), 'public');
      assert.equal(allows('api.example.com', 'https://api.example.com/', address), false);
    });
  }

  it('treats an entry without a port as https on port 443 only', () => {
    for (const url of [
      'https://api.example.com/v1',
      'https://API.example.com:443/',
      'https://api.example.com./',
    ]) {
      assert.ok(allows('api.example.com', url, '1.1.1.1'), url);
    }
    for (const url of [
      'http://api.example.com/',
      'https://api.example.com:8443/',
      'https://example.com/',
      'https://evil-api.example.com/',
      'https://api.example.com.evil.org/',
      'https://evil.org/api.example.com',
    ]) {
      assert.equal(allows('api.example.com', url, '1.1.1.1'), false, url);
    }
  });

  it('treats an entry with a port as that port, http or https', () => {
    assert.ok(allows('api.example.com:8443', 'https://api.example.com:8443/', '1.1.1.1'));
    assert.ok(allows('api.example.com:80', 'http://api.example.com/', '1.1.1.1'));
    assert.equal(allows('api.example.com:8443', 'https://api.example.com/', '1.1.1.1'), false);
  });

  it('allows an address entry for that address only', () => {
    assert.ok(allows('127.0.0.1:11434', 'http://127.0.0.1:11434/', '127.0.0.1'));
    assert.ok(allows('[fd00::5]:80', 'http://[FD00:0::5]/', 'fd00::5'));
    assert.ok(allows('10.0.0.9', 'https://10.0.0.9/', '10.0.0.9'));
    assert.equal(allows('127.0.0.1:11434', 'http://127.0.0.1:11434/', '127.0.0.2'), false);
    assert.equal(allows('127.0.0.1:11434', 'http://127.0.0.1:11435/', '127.0.0.1'), false);
    assert.equal(allows('127.0.0.1:11434', 'http://localhost:11434/', '127.0.0.1'), false);
  });

  it('allows localhost with a port for loopback addresses only', () => {
    assert.ok(allows('localhost:8080', 'http://localhost:8080/', '127.0.0.1'));
    assert.ok(allows('localhost:8080', 'http://localhost:8080/', '::1'));
    assert.equal(allows('localhost:8080', 'http://localhost:8080/', '192.168.1.1'), false);
    assert.equal(allows('localhost', 'https://localhost/', '127.0.0.1'), false);
  });

  it('allows an internal name with a port for internal addresses, but never link-local or metadata', () => {
    for (const name of ['ollama', 'llm.internal', 'nas.local', 'box.home.arpa']) {
      for (const address of ['10.1.2.3', '172.18.0.5', '192.168.1.9', 'fd12::1', '127.0.0.1', '1.1.1.1']) {
        assert.ok(allows(`${name}:80`, `http://${name}/`, address), `${name} ${address}`);
      }
      for (const address of [
        '169.254.169.254',
        'fd00:ec2::254',
        'fd12::1%eth0',
        '100.64.0.1',
        '224.0.0.1',
        '0.0.0.0',
      ]) {
        assert.equal(allows(`${name}:80`, `http://${name}/`, address), false, `${name} ${address}`);
      }
      assert.equal(allows(name, `https://${name}/`, '10.1.2.3'), false, `${name} without a port`);
    }
  });

  it('never allows a public name for internal addresses, with or without a port', () => {
    for (const address of ['10.0.0.1', '127.0.0.1', 'fd00:ec2::254', '169.254.169.254']) {
      assert.equal(allows('api.example.com:8443', 'https://api.example.com:8443/', address), false, address);
    }
  });

  it('treats an invalid entry as matching nothing', () => {
    for (const entry of [
      '',
      '*',
      '*.example.com',
      'https://api.example.com',
      'api.example.com/v1',
      'a b',
      '[::1',
    ]) {
      assert.equal(ruleFor(new URL('https://api.example.com/'), [entry]), undefined, entry);
    }
  });

  it('normalises disguised addresses in a URL', () => {
    for (const disguise of ['0x7f.1', '2130706433', '0177.0.0.1', '127.1']) {
      assert.equal(ruleFor(new URL(`http://${disguise}:80/`), ['public.example.com']), undefined);
      assert.ok(allows('127.0.0.1:80', `http://${disguise}/`, '127.0.0.1'), disguise);
    }
  });
});
