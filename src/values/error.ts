/**
 * A mistake or limit that the user can act on. Its message is one line: the cause, the value, the way out.
 * Every other thrown error is a defect of this program, and is shown with its stack.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
