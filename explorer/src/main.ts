import './style.css';
import { render } from 'preact';
import { App } from './app';
import { html } from './html';
import { followLinks } from './route';
import { Session } from './session';

const root = document.getElementById('app');
if (root === null) throw new Error('the page has no place for the app');
const session = new Session();
followLinks(document.body);
root.replaceChildren();
render(html`<${App} session=${session} />`, root);
