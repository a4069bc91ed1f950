/** The evaluation that was read last: whoever comes back to the list finds the focus on it. */

let last: { id: string; isLeft: boolean } | null = null;
// The list may take its time until it is where it was. Whoever does something before has the focus where they want it.
for (const act of ["keydown", "pointerdown"]) {
  window.addEventListener(
    act,
    () => {
      if (last?.isLeft) last = null;
    },
    { capture: true },
  );
}

export const read = {
  /** It is what the reader asked for, also while its screen is not there yet. */
  open(id: string): void {
    last = { id, isLeft: false };
  },
  /** It is read until now. */
  leave(): void {
    if (last) last.isLeft = true;
  },
  /** The link of the row that was read, while the list comes back; asked for until it is there. */
  find(list: Element | null): HTMLElement | null {
    const link = last && list?.querySelector<HTMLElement>(`a[data-id="${CSS.escape(last.id)}"]`);
    if (!link) return null;
    last = null;
    return link;
  },
};
