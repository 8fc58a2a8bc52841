import './style.css';
// Modules without markup come first: gzip looks back 32 KiB, and similar code close together compresses better.
import './ledger/checked-rows';
import './saved-filters';
import './diff';
import './ledger/timeline';
import './ledger/span-proof';
import './time';
import './ledger/export';
import './sign-in';
import { h, render } from 'preact';
import { App } from './app';
import { followLinks, go, HOME } from './route';
import { session } from './session';
import { tokenOfCode } from './sign-in';

const root = document.getElementById('app');
if (root === null) throw new Error('the page has no place for the app');
followLinks(document.body);
void start(root);

async function start(place: HTMLElement): Promise<void> {
  if (/[?&]code=/.test(location.search) && /[?&]state=/.test(location.search)) {
    const signedIn = await tokenOfCode().catch(() => undefined);
    if (signedIn === undefined) session.ask('Signing in did not work; try again, or use a token');
    else session.use(signedIn.token);
    go(signedIn?.back ?? HOME, { replace: true });
  }
  place.replaceChildren();
  render(<App />, place);
}
