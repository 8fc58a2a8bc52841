import htm from 'htm';
import { h } from 'preact';

/**
 * Markup as a template. Values become text nodes and attributes, never markup: nothing here parses HTML, and the
 * page's policy (`require-trusted-types-for 'script'`) would stop it.
 */
export const html = htm.bind(h);
