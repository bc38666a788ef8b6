/** One bar. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Index of its colour. */
  readonly colour: number;
}

export interface BarGroup {
  readonly title: string;
  readonly bars: readonly Bar[];
}

// Told apart by people who do not see all colours, too, and visible on white and on near black (Okabe and Ito).
const COLOURS = ['#8a8f98', '#e69f00', '#d55e00', '#0091d5', '#009e73'];
const WIDTH = 860;
const LEFT = 150;
const RIGHT = 70;
const BAR = 15;
const GROUP_GAP = 34;
const TOP = 48;
// From here on a linear axis would show the short ones as nothing.
const LOG_FROM = 12;

/**
 * A plot of horizontal bars in groups, as SVG, readable on a light and on a dark background. The axis is logarithmic where
 * the values are far apart, and says so. Values are above 0.
 */
export function barPlot(title: string, unit: string, groups: readonly BarGroup[]): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const axis = axisFor(values);
  const lines: string[] = [];
  let y = TOP;
  for (const group of groups) {
    lines.push(text(8, y + 12, group.title, 'title'));
    y += 20;
    for (const { label, value, colour } of group.bars) {
      const width = Math.max(1, axis.at(value));
      lines.push(text(LEFT - 8, y + BAR - 4, label, 'label'));
      lines.push(
        `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${COLOURS[colour % COLOURS.length]}"/>`,
      );
      lines.push(text(LEFT + width + 5, y + BAR - 4, value.toFixed(value < 100 ? 1 : 0), 'value'));
      y += BAR;
    }
    y += GROUP_GAP - 20;
  }
  const height = y + 24;
  const ticks = axis.ticks.flatMap((tick) => {
    const x = (LEFT + axis.at(tick)).toFixed(1);
    return [
      `<line x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${y}" class="tick"/>`,
      text(Number(x), y + 14, String(tick), 'axis'),
    ];
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    // One grey for all words, with enough contrast to white and to near black: a page's theme need not be the system's.
    '<style>text{font:12px sans-serif;fill:#747c86}.head{font-size:14px}.title{font-weight:bold}.label{text-anchor:end}.axis{text-anchor:middle}.tick{stroke:#747c86;stroke-opacity:.3}</style>',
    text(8, 20, `${title} (${unit}${axis.logarithmic ? ', logarithmic axis' : ''})`, 'head'),
    ...ticks,
    ...lines,
    '</svg>',
  ].join('\n')}\n`;
}

interface Axis {
  readonly logarithmic: boolean;
  readonly ticks: readonly number[];
  /** Distance of a value from the axis' beginning. */
  readonly at: (value: number) => number;
}

function axisFor(values: readonly number[]): Axis {
  const room = WIDTH - LEFT - RIGHT;
  const most = Math.max(...values, 1);
  const least = Math.min(...values, most);
  const logarithmic = most / least > LOG_FROM;
  if (logarithmic) {
    const from = 10 ** Math.floor(Math.log10(least));
    const span = Math.log(most / from);
    const ticks = [];
    for (let power = from; power <= most; power *= 10) ticks.push(power, 3 * power);
    return {
      logarithmic,
      ticks: ticks.filter((tick) => tick <= most),
      at: (value) => (room * Math.log(value / from)) / span,
    };
  }
  const step = [1, 2, 5].flatMap((one) => [one, one * 10, one * 100, one * 1000]);
  const every = step.sort((a, b) => a - b).find((one) => most / one <= 8) ?? most;
  const ticks = [];
  for (let tick = 0; tick <= most; tick += every) ticks.push(tick);
  return { logarithmic, ticks, at: (value) => (room * value) / most };
}

function text(x: number, y: number, content: string, name: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" class="${name}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
