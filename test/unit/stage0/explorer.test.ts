import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { serveExplorer } from '../../../runtime/stage0/explorer';

const FILES = new Map([
  ['index.html', '<!doctype html><title>page</title>'],
  ['app-ABCDEFG2.js', 'export {}'],
  ['app-ABCDEFG2.css', 'a{}'],
  ['secret', 'not to be served'],
]);

describe('the explorer', () => {
  const asked: string[] = [];
  const app = new Hono();
  serveExplorer(app, {
    files: async (name) => {
      asked.push(name);
      const text = FILES.get(name);
      return text === undefined ? undefined : Buffer.from(text);
    },
    signIn: async () => ({
      issuer: 'https://login.example.com/',
      client_id: 'page',
      scopes: 'openid',
      authorization_endpoint: 'https://login.example.com/authorize',
      token_endpoint: 'https://tokens.example.com/token',
    }),
  });
  app.notFound(() => new Response('nothing', { status: 404 }));

  it('redirects only browsers from /', async () => {
    const browser = await app.request('/', { headers: { accept: 'text/html,*/*;q=0.8' } });
    assert.equal(browser.status, 302);
    assert.equal(browser.headers.get('location'), '/explorer/');
    assert.equal((await app.request('/', { headers: { accept: '*/*' } })).status, 404);
    assert.equal((await app.request('/explorer')).headers.get('location'), '/explorer/');
  });

  it('closes its pages to inline code, other hosts, frames and text turned into script', async () => {
    const { headers, status } = await app.request('/explorer/');
    assert.equal(status, 200);
    assert.equal(
      headers.get('content-security-policy'),
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' https://login.example.com https://tokens.example.com; " +
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
        "require-trusted-types-for 'script'; trusted-types 'none'",
    );
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin');
    const features = (headers.get('permissions-policy') ?? '').split(', ');
    assert.ok(features.length > 20);
    assert.deepEqual(
      features.filter((feature) => !feature.endsWith('=()')),
      [],
    );
  });

  it('lets its files be cached for ever, and its page never', async () => {
    const file = await app.request('/explorer/app-ABCDEFG2.js');
    assert.equal(file.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.equal(file.headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal((await app.request('/explorer/')).headers.get('cache-control'), 'no-cache');
  });

  it('answers every address of its views with the page', async () => {
    for (const path of [
      '',
      'spans/0197f0aa-0000-7000-8000-000000000000',
      'functions',
      'functions/x',
      'status',
    ]) {
      const response = await app.request(`/explorer/${path}`);
      assert.equal(await response.text(), FILES.get('index.html'), path);
    }
  });

  it('compresses only for clients that accept it', async () => {
    const response = await app.request('/explorer/', { headers: { 'accept-encoding': 'br, gzip' } });
    assert.equal(response.headers.get('content-encoding'), 'gzip');
    assert.equal(response.headers.get('vary'), 'accept-encoding');
    assert.equal(gunzipSync(Buffer.from(await response.arrayBuffer())).toString(), FILES.get('index.html'));
  });

  it('serves nothing but files with the names of a build', async () => {
    for (const path of [
      'secret',
      '../secret',
      '%2e%2e/secret',
      'app-ABCDEFG2.map',
      'nothing-ABCDEFG2.js',
      'a/b/c',
    ]) {
      assert.equal((await app.request(`/explorer/${path}`)).status, 404, path);
    }
    assert.ok(!asked.includes('secret'));
  });
});
