/** Our own line icons on a grid of 16. They are decoration: whatever shows one says in words what it is. */

import type { ReactNode } from "react";

function Icon({ children, size = 16 }: { children: ReactNode; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

const PATHS = {
  overview: "M2 13.5V9M6 13.5V4.5M10 13.5V7M14 13.5V2.5",
  evaluations: "M2.5 4h1M6 4h7.5M2.5 8h1M6 8h7.5M2.5 12h1M6 12h7.5",
  sessions: "M2.5 3.5h8v5.5H6L3.8 11V9H2.5zM12.5 6h1v5.5h-1.3v1.8l-2-1.8H7.5",
  compare: "M5 2.5v11M11 2.5v11M2 10.5l3 3 3-3M8 5.5l3-3 3 3",
  settings:
    "M2 4.5h7M12.5 4.5H14M2 11.5h1.5M7 11.5h7M9 4.5a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0M3.5 11.5a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0",
  connect:
    "M6.2 9.8l3.6-3.6M7.2 4.6l1.2-1.2a2.9 2.9 0 0 1 4.2 4.2l-1.2 1.2M8.8 11.4l-1.2 1.2a2.9 2.9 0 0 1-4.2-4.2l1.2-1.2",
  menu: "M2 4.5h12M2 8h12M2 11.5h12",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.5l3.2 3.2L13 4.8",
  copy: "M5.5 5.5h7.5v7.5H5.5zM10.5 5.5V3H3v7.5h2.5",
  link: "M6.5 3.5h-3v9h9v-3M9.5 2.5h4v4M13.2 2.8L7.5 8.5",
  left: "M10 3L5 8l5 5",
  right: "M6 3l5 5-5 5",
  up: "M3.5 10L8 5.5l4.5 4.5",
  down: "M3.5 6L8 10.5 12.5 6",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.8 10.8L14 14",
  sun: "M8 10.6a2.6 2.6 0 1 0 0-5.2a2.6 2.6 0 0 0 0 5.2M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1",
  moon: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z",
  person: "M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8M2.8 13.8c.7-2.6 2.7-3.8 5.2-3.8s4.5 1.2 5.2 3.8",
  signOut: "M6 2.5H3v11h3M10.5 5L13.5 8l-3 3M13.2 8H6.5",
  key: "M9.5 9.2a3.3 3.3 0 1 0-2.7-2.7L2.5 10.8v2.7h2.7l.8-.8v-1.4h1.4zM10.9 5.1v0",
  reset: "M3 8a5 5 0 1 0 1.6-3.7L3 5.8M3 2.8v3h3",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v0",
  data: "M3 4a5 1.8 0 0 0 10 0a5 1.8 0 0 0-10 0v8a5 1.8 0 0 0 10 0V4M3 8a5 1.8 0 0 0 10 0",
  pencil: "M2.8 13.2l.7-3 7.2-7.2 2.3 2.3-7.2 7.2zM9.2 4.5l2.3 2.3",
  plus: "M8 3v10M3 8h10",
  project: "M2.5 4.5l5.5-2.5 5.5 2.5v7L8 14l-5.5-2.5zM2.5 4.5L8 7l5.5-2.5M8 7v7",
} as const;

export type IconName = keyof typeof PATHS;

export function Glyph({ name, size }: { name: IconName; size?: number }) {
  return (
    <Icon size={size}>
      <path d={PATHS[name]} />
    </Icon>
  );
}
