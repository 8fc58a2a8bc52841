// Made from the schemas by npm run generate.
import type { Validator } from '../json/parse-with';

export declare const validateTickEvent: Validator;
export declare const validateMidnightEvent: Validator;
export declare const validateRunEvent: Validator;
export declare const validateProviderEvent: Validator;
export declare const validateTickMessage: Validator;
