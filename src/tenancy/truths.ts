import type { Truth } from './facts.ts';

/** Why an expression could not be evaluated for a row. */
export type Failure = Extract<Truth, object>;

/** It could not be evaluated. */
export function isFailure(truth: Truth | undefined): truth is Failure {
  return typeof truth === 'object' && truth !== null;
}
