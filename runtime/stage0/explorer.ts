import { gzipSync } from 'node:zlib';
import type { Context, Hono } from 'hono';
import type { SignIn } from '../auth/sign-in';

/** Reads a file of the built page by its name; undefined when there is none. Files never change. */
export type ExplorerFiles = (name: string) => Promise<Uint8Array | undefined>;

/** The page and what it may reach. */
export interface Explorer {
  readonly files: ExplorerFiles;
  /** How people sign in at an OpenID Connect issuer; undefined while it does not answer. Defaults to not at all. */
  readonly signIn?: () => Promise<SignIn | undefined>;
}

const HOME = '/explorer/';
/** Addresses of the page itself: it tells its views apart, the server does not. */
const VIEWS = new Set(['', 'spans', 'functions', 'requests', 'policies', 'status']);
/** Names that esbuild gives: words, a hash, an extension. */
const FILE_NAME = /^[a-z]+(?:-[a-z]+)*-[A-Z0-9]{8}\.(?:js|css|svg)$/;
const YEAR_SECONDS = 31_536_000;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** A Permissions-Policy that denies every feature (https://www.w3.org/TR/permissions-policy/). */
const CLOSED_FEATURES = [
  'accelerometer',
  'autoplay',
  'browsing-topics',
  'camera',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'gamepad',
  'geolocation',
  'gyroscope',
  'hid',
  'identity-credentials-get',
  'idle-detection',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'otp-credentials',
  'payment',
  'picture-in-picture',
  'publickey-credentials-create',
  'publickey-credentials-get',
  'screen-wake-lock',
  'serial',
  'storage-access',
  'usb',
  'window-management',
  'xr-spatial-tracking',
];

/** Headers of everything below `/explorer/`: no inline code, no other host, no frame, no script from text. */
function securityHeaders(connectTo: readonly string[]): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      `connect-src ${["'self'", ...connectTo].join(' ')}`,
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': CLOSED_FEATURES.map((feature) => `${feature}=()`).join(', '),
  };
}

/** The issuer's own origin, and the one where codes become tokens. */
function originsOf(signIn: SignIn | undefined): readonly string[] {
  if (signIn === undefined) return [];
  return [...new Set([new URL(signIn.issuer).origin, new URL(signIn.token_endpoint).origin])];
}

/** Adds the explorer's addresses to the app: `/explorer/…`, and `/` for browsers. */
export function serveExplorer(app: Hono, { files, signIn }: Explorer): void {
  const stored = new Map<string, StoredFile>();
  const security = securityHeaders([]);
  app.get('/', async (context, next) => {
    if (!accepts(context, 'text/html')) return next();
    return redirect(security, { vary: 'accept' });
  });
  app.get('/explorer', () => redirect(security));
  if (signIn !== undefined) {
    app.get(`${HOME}sign-in.json`, async () => {
      const how = await signIn();
      const headers = { ...security, 'content-type': 'application/json', 'cache-control': 'no-store' };
      return new Response(JSON.stringify(how ?? null), { headers });
    });
  }
  app.get(`${HOME}*`, async (context, next) => {
    const name = fileNameOf(context.req.path);
    const file = name === undefined ? undefined : await storedFile(stored, files, name);
    if (file === undefined) return next();
    const mayLeave = signIn !== undefined && name === 'index.html';
    return answer(context, file, mayLeave ? securityHeaders(originsOf(await signIn())) : security);
  });
}

function redirect(
  security: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): Response {
  return new Response(null, { status: 302, headers: { ...security, ...more, location: HOME } });
}

function accepts(context: Context, type: string): boolean {
  return (context.req.header('accept') ?? '').includes(type);
}

/** The file that a path stands for; undefined when the page has no such address. */
function fileNameOf(path: string): string | undefined {
  const rest = path.slice(HOME.length);
  if (FILE_NAME.test(rest)) return rest;
  const [view = '', , ...deeper] = rest.split('/');
  return VIEWS.has(view) && deeper.length === 0 ? 'index.html' : undefined;
}

interface StoredFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer>;
}

/** Files are read and compressed at their first request. Only existing files are cached, so the cache is bounded. */
async function storedFile(
  stored: Map<string, StoredFile>,
  files: ExplorerFiles,
  name: string,
): Promise<StoredFile | undefined> {
  const known = stored.get(name);
  if (known !== undefined) return known;
  const bytes = await files(name);
  if (bytes === undefined) return undefined;
  const file = { name, bytes: new Uint8Array(bytes), gzipped: new Uint8Array(gzipSync(bytes)) };
  stored.set(name, file);
  return file;
}

function answer(context: Context, file: StoredFile, security: Readonly<Record<string, string>>): Response {
  const isPage = file.name === 'index.html';
  const isGzipTaken = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '');
  const extension = file.name.slice(file.name.lastIndexOf('.') + 1);
  return new Response(isGzipTaken ? file.gzipped : file.bytes, {
    headers: {
      ...security,
      'content-type': CONTENT_TYPES[extension] ?? 'application/octet-stream',
      // A new build has new names, and the page alone tells them.
      'cache-control': isPage ? 'no-cache' : `public, max-age=${YEAR_SECONDS}, immutable`,
      vary: 'accept-encoding',
      ...(isGzipTaken ? { 'content-encoding': 'gzip' } : {}),
    },
  });
}
