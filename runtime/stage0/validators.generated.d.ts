// Made from schemas.ts by npm run generate.
export interface ValidatorFault {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: { readonly [name: string]: unknown };
  readonly message?: string;
}
export interface Validator {
  (data: unknown): boolean;
  readonly errors?: readonly ValidatorFault[] | null;
}
export declare const validateSpanInput: Validator;
export declare const validateTimelineQuery: Validator;
export declare const validateSpanQuery: Validator;
export declare const validateIdPath: Validator;
export declare const validateExecuteBody: Validator;
