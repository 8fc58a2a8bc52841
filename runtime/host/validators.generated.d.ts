// Made from the schemas by npm run generate.
import type { Validator } from '../json/parse-with';

export declare const run_code: Validator;
export declare const observer_bot: Validator;
export declare const request_worker: Validator;
export declare const policy_agent: Validator;
export declare const provider_exec: Validator;
export declare const validateMidnightEvent: Validator;
export declare const validateTickMessage: Validator;
