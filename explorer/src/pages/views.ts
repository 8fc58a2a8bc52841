/** The views that are loaded when one of them is first shown. */

export { FunctionsPage } from './functions-page';
export { PoliciesPage } from './policies-page';
export { RequestsPage } from './requests-page';
export { SpanPage } from './span-page';
export { StatusPage } from './status-page';
