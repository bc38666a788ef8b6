/** Time as the hosts see it, so that tests can have their own. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls `work` again and again; returns the function that ends it. Keeps no program alive. */
  every(milliseconds: number, work: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  every(milliseconds, work) {
    const timer = setInterval(work, milliseconds).unref();
    return () => clearInterval(timer);
  },
};
