import './style.css';
import { render } from 'preact';
import { App } from './app';
import { html } from './html';
import { followLinks, go, HOME } from './route';
import { Session } from './session';

const root = document.getElementById('app');
if (root === null) throw new Error('the page has no place for the app');
const session = new Session();
followLinks(document.body);
void start(root);

async function start(place: HTMLElement): Promise<void> {
  if (/[?&]code=/.test(window.location.search) && /[?&]state=/.test(window.location.search)) {
    const { tokenOfCode } = await import('./sign-in');
    const signedIn = await tokenOfCode().catch(() => undefined);
    if (signedIn === undefined) session.ask('Signing in did not work; try again, or use a token');
    else session.use(signedIn.token);
    go(signedIn?.back ?? HOME, { replace: true });
  }
  place.replaceChildren();
  render(html`<${App} session=${session} />`, place);
}
