/** Hours of an average month. */
export const HOURS = 730;
/** Minutes of an average month. */
export const MINUTES = HOURS * 60;
