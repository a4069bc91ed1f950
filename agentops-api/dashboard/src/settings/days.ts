/** For how many days something can be kept. */

const DAYS_MAX = 36_500;

/** What is wrong with so many days, for whoever typed them; null where nothing is. No number: for ever. */
export function faultOf(days: number | null): string | null {
  if (days === null || (Number.isInteger(days) && days >= 1 && days <= DAYS_MAX)) return null;
  return "From 1 to 36,500 days; nothing means for ever.";
}
