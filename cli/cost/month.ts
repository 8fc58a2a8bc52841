/** Of an average month. */
export const HOURS = 730;
export const MINUTES = HOURS * 60;
