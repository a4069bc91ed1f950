/** How our charts look, in uPlot's terms. */

import uPlot from "uplot";
import { dayOf, hourOf, shortTime } from "../ui/time";

export type Color = "accent" | "accent-2" | "accent-3" | "bad" | "good" | "warn" | "ghost";
export type Line = {
  /** Empty for what only bounds a band. */
  label: string;
  kind: "line" | "area" | "bars" | "before" | "low" | "high";
  color: Color;
  values: (number | null)[];
  /** Its value for all of the period. */
  overall?: number | null;
};
export type Doings = {
  format: (value: number) => string;
  onCursor: (index: number | null) => void;
  /** The first and the last bucket that was dragged over. */
  onZoom: (first: number, last: number) => void;
  unitScale: boolean;
  /** How far apart what the axis names may be; else any round number. */
  steps: number[] | undefined;
};

const SYNC = "agentops";
const DRAG_PX_MIN = 8;
const HOUR_S = 3_600;
/** Of counts: there is nothing between two whole numbers. */
export const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
const MINUTE_S = 60;
/** Of durations in seconds: round in the unit in which they are told. */
export const DURATION_STEPS = [
  ...Array.from({ length: 5 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** (power - 4))).flat(),
  ...[10, 20].concat([0.5, 1, 2, 5, 10, 30].map((minutes) => minutes * MINUTE_S)),
  ...WHOLE_STEPS.map((hours) => hours * HOUR_S),
];
const DOT_PX = 6;
const WHISKER_PX = 2;

export function optionsOf(element: HTMLElement, lines: Line[], doings: Doings): uPlot.Options {
  const css = getComputedStyle(element);
  const color = (name: string) => css.getPropertyValue(`--${name}`).trim();
  const low = lines.findIndex((line) => line.kind === "low") + 1;
  const high = lines.findIndex((line) => line.kind === "high") + 1;
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    // Half of the last time that the axis names.
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: SYNC, filters: { pub: isNoDrag, sub: isNoDrag } },
      drag: { x: true, y: false, setScale: false, dist: DRAG_PX_MIN },
      points: { size: 7 },
      y: false,
    },
    scales: {
      x: { time: true, range: (plot, least, most) => roomFor(plot.data[0], least, most) },
      y: { range: (_, least, most) => rangeOf(least, most, doings.unitScale) },
    },
    axes: [
      axis(color, { size: 24, space: 68, format: tickTimes }),
      {
        ...axis(color, { size: 50, space: 34, format: (ticks) => ticks.map((tick) => plain(doings.format(tick))) }),
        ...(doings.steps && { incrs: doings.steps }),
      },
    ],
    series: [{}, ...lines.map((line) => series(line, color))],
    bands: low && high ? [{ series: [high, low], fill: color("accent-soft") }] : [],
    hooks: {
      ...(low && high && { draw: [(plot: uPlot) => drawWhiskers(plot, { low, high, color: color("accent-3") })] }),
      setCursor: [(plot) => doings.onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < DRAG_PX_MIN) return;
          const [from, until] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          doings.onZoom(...bucketsIn(plot.data[0], from, until));
        },
      ],
    },
  };
}

/** One chart is dragged over: each of them would choose a period of its own. */
function isNoDrag(type: string): boolean {
  return type !== "mousedown" && type !== "mouseup";
}

/** The first and the last bucket of which the middle was dragged over, where its bar stands; else the nearest one. */
export function bucketsIn(times: ArrayLike<number>, from: number, until: number): [number, number] {
  const all = Array.from(times);
  const [first, last] = [all.findIndex((time) => time >= from), all.findLastIndex((time) => time <= until)];
  if (first >= 0 && first <= last) return [first, last];
  const distances = all.map((time) => Math.abs(time - (from + until) / 2));
  const nearest = distances.indexOf(Math.min(...distances));
  return [nearest, nearest];
}

/** From zero, with air above; scores end at 1 unless they are all far below. */
function rangeOf(least: number | null, most: number | null, unitScale: boolean): [number, number] {
  const top = most == null || most <= 0 ? 1 : most * 1.12;
  return [Math.min(0, least ?? 0), unitScale ? Math.min(1, top) : top];
}

/** Half a bucket more on both sides, so that the outer bars are whole. */
function roomFor(times: ArrayLike<number>, least: number, most: number): [number, number] {
  const bucket = times.length > 1 ? (most - least) / (times.length - 1) : HOUR_S;
  return [least - bucket / 2, most + bucket / 2];
}

/** Days, or hours where ticks are closer: there each new day is told, and its hour as well where that is not its first. */
export function tickTimes(ticks: number[]): string[] {
  const isDaily = ticks.length < 2 || (ticks[1] ?? 0) - (ticks[0] ?? 0) >= 20 * HOUR_S;
  return ticks.map((tick, index) => {
    const before = ticks[index - 1];
    const isNewDay = before === undefined || dayOf(before * 1_000) !== dayOf(tick * 1_000);
    if (isDaily || isMidnight(tick)) return dayOf(tick * 1_000);
    return isNewDay ? shortTime(tick * 1_000) : hourOf(tick * 1_000);
  });
}

function isMidnight(tick: number): boolean {
  const time = new Date(tick * 1_000);
  return time.getHours() === 0 && time.getMinutes() === 0;
}

/** Round figures without their zeros: "5 %", not "5.0 %". */
export function plain(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

type AxisShape = { size: number; space: number; format: (ticks: number[]) => string[] };

function axis(color: (name: string) => string, { size, space, format }: AxisShape): uPlot.Axis {
  return {
    stroke: color("text-3"),
    font: `11px ${color("font") || "sans-serif"}`,
    grid: { stroke: color("grid"), width: 1 },
    ticks: { show: false },
    size,
    space,
    gap: 6,
    values: (_: uPlot, ticks: number[]) => format(ticks),
  };
}

function series(line: Line, color: (name: string) => string): uPlot.Series {
  const stroke = color(line.color);
  const points = { show: false };
  if (line.kind === "low" || line.kind === "high") return { stroke: "transparent", width: 0, points, spanGaps: false };
  // Where nothing was measured there is no line; what stands alone is a dot.
  const dots = { show: false, filter: alone, size: DOT_PX, width: 0, fill: stroke };
  if (line.kind === "before") {
    return { stroke, width: 1.25, dash: [4, 4], points: { ...dots, size: DOT_PX - 2 }, spanGaps: false };
  }
  if (line.kind === "bars") {
    const paths = uPlot.paths.bars?.({ size: [0.72, 28], radius: 0.1 });
    return { stroke: "transparent", fill: stroke, width: 0, points, ...(paths && { paths }) };
  }
  const fill = line.kind === "area" ? (plot: uPlot) => fading(plot, stroke) : undefined;
  return { stroke, width: 1.75, points: dots, spanGaps: false, ...(fill && { fill }) };
}

/** The points of a series to which no line leads; null: none. */
function alone(plot: uPlot, series: number): number[] | null {
  const found = isolated(plot.data[series] ?? []);
  return found.length > 0 ? found : null;
}

/** Where a value has none before it and none after it. */
export function isolated(values: ArrayLike<number | null | undefined>): number[] {
  const has = (index: number) => values[index] != null;
  return Array.from({ length: values.length }, (_, index) => index).filter(
    (index) => has(index) && !has(index - 1) && !has(index + 1),
  );
}

/** The interval of what stands alone: a band has room between two points only. */
function drawWhiskers(plot: uPlot, { low, high, color }: { low: number; high: number; color: string }): void {
  const [times, lows, highs] = [plot.data[0], plot.data[low] ?? [], plot.data[high] ?? []];
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = WHISKER_PX * devicePixelRatio;
  ctx.globalCompositeOperation = "destination-over";
  for (const index of isolated(lows)) {
    const x = plot.valToPos(times[index] ?? 0, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, plot.valToPos(lows[index] ?? 0, "y", true));
    ctx.lineTo(x, plot.valToPos(highs[index] ?? 0, "y", true));
    ctx.stroke();
  }
  ctx.restore();
}

/** Full at the top, nothing at the bottom. */
function fading(plot: uPlot, color: string): CanvasGradient {
  const { top, height } = plot.bbox;
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
  gradient.addColorStop(0, `${color}38`);
  gradient.addColorStop(1, `${color}00`);
  return gradient;
}
