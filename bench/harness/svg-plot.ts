import type { Plot } from '../bench';
import { rounded } from './statistics';

const WIDTH = 640;
const HEIGHT = 360;
const MARGIN = { top: 40, right: 150, bottom: 48, left: 68 };
/** Okabe and Ito's colours, which most colour-blind readers can tell apart. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999'];

interface Axis {
  readonly ticks: readonly number[];
  /** From a value to 0 … 1. */
  place(value: number): number;
}

/** A line plot as a self-contained SVG file. */
export function plotAsSvg(plot: Plot): string {
  const points = plot.series.flatMap((series) => series.points);
  const x = axisOf(
    points.map(([value]) => value),
    plot.xScale ?? 'linear',
    false,
  );
  const y = axisOf(
    points.map(([, value]) => value),
    plot.yScale ?? 'linear',
    true,
  );
  const left = (value: number): number => MARGIN.left + x.place(value) * (WIDTH - MARGIN.left - MARGIN.right);
  const top = (value: number): number =>
    HEIGHT - MARGIN.bottom - y.place(value) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const bottom = HEIGHT - MARGIN.bottom;
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(WIDTH / 2, 20, plot.title, 'middle', 'font-size="14"'),
    ...y.ticks.flatMap((tick) => [
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at(top(tick))}" y2="${at(top(tick))}" stroke="#dddddd"/>`,
      text(MARGIN.left - 6, top(tick) + 4, shortened(tick), 'end'),
    ]),
    ...x.ticks.map((tick) => text(left(tick), bottom + 18, shortened(tick), 'middle')),
    text((MARGIN.left + WIDTH - MARGIN.right) / 2, HEIGHT - 10, plot.xLabel, 'middle'),
    text(MARGIN.left - 50, MARGIN.top - 12, plot.yLabel, 'start'),
    ...plot.series.flatMap(({ name, points: own }, index) => {
      const colour = COLOURS[index % COLOURS.length] ?? '#000000';
      const path = own.map(([px, py]) => `${at(left(px))},${at(top(py))}`);
      const legendY = MARGIN.top + 10 + index * 18;
      return [
        `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...own.map(([px, py]) => `<circle cx="${at(left(px))}" cy="${at(top(py))}" r="3" fill="${colour}"/>`),
        `<rect x="${WIDTH - MARGIN.right + 10}" y="${legendY - 9}" width="10" height="10" fill="${colour}"/>`,
        text(WIDTH - MARGIN.right + 24, legendY, name, 'start', 'font-size="11"'),
      ];
    }),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

function axisOf(values: readonly number[], scale: 'linear' | 'log', fromZero: boolean): Axis {
  const finite = values.filter(Number.isFinite);
  if (scale === 'log') {
    const positive = finite.filter((value) => value > 0);
    const low = Math.floor(Math.log10(Math.min(...positive)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive)) - 1e-9));
    const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
    return { ticks, place: (value) => (Math.log10(value) - low) / (high - low) };
  }
  const low = fromZero ? 0 : Math.min(...finite);
  const step = niceStep((Math.max(...finite) - low) / 5);
  const high = low + step * Math.max(1, Math.ceil((Math.max(...finite) - low) / step - 1e-9));
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, index) => low + index * step);
  return { ticks, place: (value) => (value - low) / (high - low) };
}

/** The smallest of 1, 2 or 5 times a power of ten that is at least this large. */
function niceStep(atLeast: number): number {
  if (!(atLeast > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10) * power;
}

function shortened(value: number): string {
  if (value >= 1e6) return `${rounded(value / 1e6).replace(/\.0+$/, '')} M`;
  return value >= 10_000 ? `${value / 1000} k` : String(Math.round(value * 1000) / 1000);
}

function at(coordinate: number): string {
  return coordinate.toFixed(1);
}

function text(x: number, y: number, content: string, anchor: string, more = ''): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" ${more}>${safe}</text>`;
}
