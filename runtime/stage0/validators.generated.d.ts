// Made from the schemas by npm run generate.
import type { Validator } from '../json/parse-with';

export declare const validateTimelineQuery: Validator;
export declare const validateSpanQuery: Validator;
export declare const validateCloudEvent: Validator;
export declare const validateExecuteBody: Validator;
export declare const validateHealthQuery: Validator;
export declare const validateProofQuery: Validator;
export declare const validateCheckpointQuery: Validator;
export declare const validateConsistencyQuery: Validator;
export declare const validateCompareBody: Validator;
export declare const validateWorkQuery: Validator;
export declare const validateWorkPage: Validator;
export declare const validateIdPath: Validator;
export declare const validateNoQuery: Validator;
export declare const validateTenantPath: Validator;
