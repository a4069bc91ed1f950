/** The evaluation that was read last: whoever comes back to the list finds the focus on it. */

let last: { id: string; at: number } | null = null;
/** So long the list may take until it is where it was; later, the focus is the reader's own. */
const BACK_MS = 3_000;

export const read = {
  /** It is what the reader asked for, also while its screen is not there yet. */
  open(id: string): void {
    last = { id, at: Date.now() };
  },
  /** It is read until now. */
  leave(): void {
    if (last) last.at = Date.now();
  },
  /** The link of the row that was read, while the list comes back; asked for until it is there. */
  find(list: Element | null): HTMLElement | null {
    if (last && Date.now() - last.at > BACK_MS) last = null;
    const link = last && list?.querySelector<HTMLElement>(`a[data-id="${CSS.escape(last.id)}"]`);
    if (!link) return null;
    last = null;
    return link;
  },
};
