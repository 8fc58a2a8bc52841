import uPlot from 'uplot';

/** A point of the plot. */
export interface PlottedRun {
  /** Seconds since 1970. */
  readonly at: number;
  readonly durationMs: number;
  readonly isGood: boolean;
}

const HEIGHT_PX = 200;

/** Resolves a custom property of the style sheet in the current colour scheme, because a canvas cannot. */
function colourOf(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = '';
  return color;
}

/** Draws durations of runs, oldest first, into an element. @returns a function that removes the plot */
export function drawDurations(element: HTMLElement, runs: readonly PlottedRun[]): () => void {
  const colour = (name: string): string => colourOf(element, name);
  const axis = {
    stroke: colour('--ink'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line') },
  };
  const points = (stroke: string) => ({ stroke, fill: stroke, size: 6, show: true });
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: true } },
      axes: [
        axis,
        { ...axis, size: 64, values: (_: uPlot, ticks: number[]) => ticks.map((ms) => `${ms} ms`) },
      ],
      series: [
        {},
        { paths: () => null, points: points(colour('--known')) },
        { paths: () => null, points: points(colour('--fault')) },
      ],
    },
    [
      runs.map(({ at }) => at),
      runs.map(({ durationMs, isGood }) => (isGood ? durationMs : null)),
      runs.map(({ durationMs, isGood }) => (isGood ? null : durationMs)),
    ],
    element,
  );
  const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
  resize.observe(element);
  return () => {
    resize.disconnect();
    plot.destroy();
  };
}
