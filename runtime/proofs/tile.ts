import { MalformedError } from '../base/errors';
import type { CompleteNode } from './merkle-path';

/**
 * Tiles of a log as https://c2sp.org/tlog-tiles has them: 8 levels of the tree high, so at most 256 hashes wide. Tile
 * (level, index) holds the nodes of tree level 8 × level from 256 × index on.
 */
export interface TileId {
  readonly level: number;
  readonly index: number;
  /** Hashes in it: 256 in a full tile, 1 to 255 in a partial one. */
  readonly width: number;
}

/** Tree levels in a tile. */
export const TILE_HEIGHT = 8;
/** Hashes in a full tile. */
export const TILE_WIDTH = 256;
/** tlog-tiles allows 0 to 63; beyond 6 no position is below 2^53. */
const MAX_LEVEL = 63;

/**
 * `tile/<L>/<N>[.p/<W>]` of a tile.
 * @param level a tile's level, or `entries`
 */
export function tilePath(level: number | 'entries', index: number, width: number = TILE_WIDTH): string {
  return `tile/${level}/${indexPath(index)}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** What the part of a tile's path behind `tile/` looks like. */
export const TILE_PATTERN = /^(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,6}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/**
 * Reads the part of a tile's path behind `tile/`. A path has one spelling only.
 * @returns level `entries` for a bundle of entries
 * @throws MalformedError when it is not a path that {@link tilePath} writes
 */
export function parseTilePath(path: string): { level: number | 'entries'; index: number; width: number } {
  const [, levelText = '', indexText = '', widthText] = TILE_PATTERN.exec(path) ?? [];
  const level = levelText === 'entries' ? levelText : Number(levelText);
  const index = Number(indexText.replaceAll(/[x/]/g, ''));
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
  const isPossible =
    Number.isSafeInteger(index) &&
    (level === 'entries' || level <= MAX_LEVEL) &&
    (widthText === undefined || width < TILE_WIDTH);
  if (levelText === '' || !isPossible || tilePath(level, index, width) !== `tile/${path}`) {
    throw new MalformedError(
      'A tile is tile/{level}/{index} or tile/entries/{index}, with .p/{width} behind a partial one, such as tile/0/x001/234.p/17.',
    );
  }
  return { level, index, width };
}

/** How many hashes tile (level, index) has in a tree of this size; 0 when it is not there yet. */
export function tileWidth(level: number, index: number, size: number): number {
  const nodes = Math.floor(size / 2 ** (TILE_HEIGHT * level));
  return Math.max(0, Math.min(TILE_WIDTH, nodes - index * TILE_WIDTH));
}

/** Where a complete node is found: its tile, and which hashes of the tile's bottom row lie below it. */
export function tileOfNode({ level, index }: CompleteNode): {
  readonly level: number;
  readonly index: number;
  readonly begin: number;
  readonly end: number;
} {
  const within = level % TILE_HEIGHT;
  const width = 2 ** within;
  const first = index * width;
  return {
    level: (level - within) / TILE_HEIGHT,
    index: Math.floor(first / TILE_WIDTH),
    begin: first % TILE_WIDTH,
    end: (first % TILE_WIDTH) + width,
  };
}

/** Groups of three digits, all but the last with an `x` before it. */
function indexPath(index: number): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/\d{3}/g) ?? [];
  return groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join('/');
}
