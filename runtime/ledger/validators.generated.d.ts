// Made from the schemas by npm run generate.
import type { Validator } from '../json/parse-with';

export declare const validateSpanInput: Validator;
export declare const validateManifest: Validator;
