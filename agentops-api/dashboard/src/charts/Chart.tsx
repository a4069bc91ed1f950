/** A line or bar chart over time: the cursor is shared by all charts of a screen, and dragging chooses a period. */

import { useComputedColorScheme } from "@mantine/core";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Skeleton } from "../ui/Page";
import styles from "./chart.module.css";
import { type Line, optionsOf } from "./options";

/** Legend and plot, as chart.module.css has them. */
const VALUES_PX = 214;

/** Whose values the legend has while no bucket is pointed at. */
const AT_REST = "whole period";

export type ChartProps = {
  title: string;
  note?: string;
  /** Milliseconds, ascending. */
  times: number[];
  lines: Line[];
  format: (value: number | null | undefined) => string;
  /** Which period the line of the one before is of. */
  beforeNote?: string;
  /** Whether values end at 1, as scores do. */
  unitScale?: boolean;
  /** How far apart what the axis names may be. */
  steps?: number[];
  /** What the bucket that begins at this time is called. */
  nameOf: (time: number) => string;
  onZoom: (first: number, last: number) => void;
};

export function Chart(props: ChartProps) {
  const { title, note, times, lines, format, beforeNote, nameOf } = props;
  const [at, setAt] = useState<number | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const plot = usePlot(place, props, setAt);
  const time = at === null ? undefined : times[at];
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    // The first one to the left is the last one.
    const from = at ?? (step < 0 ? times.length : -1);
    const next = times[Math.max(0, Math.min(times.length - 1, from + step))];
    if (step === 0 || next === undefined || !plot.current) return;
    event.preventDefault();
    plot.current.setCursor({ left: plot.current.valToPos(next / 1_000, "x"), top: 20 });
  };
  return (
    <figure className={styles.chart}>
      <Head title={title} note={note} at={time === undefined ? AT_REST : nameOf(time)} />
      <ul className={styles.legend}>
        {lines
          .filter((line) => line.label && (line.kind !== "before" || line.values.some((value) => value)))
          .toReversed()
          .map((line) => (
            <li
              key={line.label}
              className={styles.key}
              data-kind={line.kind}
              data-color={line.color}
              title={line.kind === "before" ? beforeNote : undefined}
            >
              <span className={styles.swatch} />
              {line.label}
              <span className="num">{format(at === null ? line.overall : line.values[at])}</span>
            </li>
          ))}
      </ul>
      <div
        ref={place}
        className={styles.place}
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys read its values into the legend.
        tabIndex={0}
        aria-label={`${title}: ${summary(lines, format)}. The arrow keys read values.`}
        onKeyDown={onKeyDown}
      />
    </figure>
  );
}

/** A chart whose values are on their way: named already, and as large. */
export function ChartToCome({ title, note }: Pick<ChartProps, "title" | "note">) {
  return (
    <figure className={styles.chart} aria-busy="true">
      <Head title={title} note={note} at="" />
      <Skeleton height={VALUES_PX} />
    </figure>
  );
}

function Head({ title, note, at }: Pick<ChartProps, "title" | "note"> & { at: string }) {
  return (
    <figcaption className={styles.head}>
      <h2>{title}</h2>
      {note && <span className={styles.note}>{note}</span>}
      <span className={`${styles.at} num`}>{at}</span>
    </figcaption>
  );
}

/** Each line by its name, as the legend has them. */
function summary(lines: Line[], format: ChartProps["format"]): string {
  const told = lines.filter((line) => line.label && line.kind !== "before").toReversed();
  return told.map((line) => `${line.label} ${rangeOf(line, format)}`).join("; ");
}

function rangeOf({ values: all, overall }: Line, format: ChartProps["format"]): string {
  const values = all.filter((value): value is number => value != null);
  if (values.length === 0) return "was not measured";
  return `between ${format(Math.min(...values))} and ${format(Math.max(...values))}, ${format(overall)} in the ${AT_REST}`;
}

/** The plot in its place: made anew for another theme or other lines, else only given its data. */
function usePlot(
  place: React.RefObject<HTMLDivElement | null>,
  { times, lines, format, unitScale = false, steps, onZoom }: ChartProps,
  onCursor: (index: number | null) => void,
): React.RefObject<uPlot | null> {
  const scheme = useComputedColorScheme("dark");
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ onZoom, onCursor, format, times, lines });
  latest.current = { onZoom, onCursor, format, times, lines };
  const shape = `${scheme} ${unitScale} ${lines.map((line) => `${line.label}/${line.kind}/${line.color}`).join(" ")}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` says all that the options are made of.
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    let observer: ResizeObserver | undefined;
    const draw = () => {
      const options = optionsOf(element, latest.current.lines, {
        format: (value) => latest.current.format(value),
        onCursor: (index) => latest.current.onCursor(index),
        onZoom: (first, last) => latest.current.onZoom(first, last),
        unitScale,
        steps,
      });
      const made = new uPlot(options, dataOf(latest.current.times, latest.current.lines), element);
      plot.current = made;
      observer = new ResizeObserver(() => {
        const { clientWidth: width, clientHeight: height } = element;
        if (width !== made.width || height !== made.height) made.setSize({ width, height });
      });
      observer.observe(element);
    };
    // In a task of its own: a screen of charts would keep the page from answering until the last one is drawn.
    const soon = setTimeout(draw);
    return () => {
      clearTimeout(soon);
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(times, lines)), [times, lines]);
  return plot;
}

function dataOf(times: number[], lines: Line[]): uPlot.AlignedData {
  // The period before may have an hour more, where the clock moved.
  const values = lines.map((line) => line.values.slice(0, times.length));
  return [times.map((time) => time / 1_000), ...values] as uPlot.AlignedData;
}
