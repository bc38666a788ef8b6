import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** One call of ccache, as its statistics log has it. */
export interface CcacheCall {
  /** As on the command line; empty where the call compiled nothing. */
  readonly input: string;
  readonly result: 'hit' | 'miss' | 'uncached';
  /** ccache's word for why it was uncached. */
  readonly counter: string;
}

// What a counter of these says is told by another one of the same call.
const ACCOMPANYING = /^(?:local_storage|remote_storage|recache|preprocessed_cache_miss|direct_cache_miss)/;

/**
 * Reads a statistics log of ccache (`CCACHE_STATSLOG`): a line `# INPUT` for each call, and a counter a line. Calls that
 * ran at the same time each write their lines in one piece.
 */
export async function* readCalls(file: string): AsyncGenerator<CcacheCall> {
  let input: string | undefined;
  let counters: string[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (!line.startsWith('# ')) {
      if (counters.length < 100) counters.push(line);
      continue;
    }
    if (input !== undefined) yield callOf(input, counters);
    input = line.slice(2);
    counters = [];
  }
  if (input !== undefined) yield callOf(input, counters);
}

/** Whether a call compiled a file, as against the calls by which make and Kconfig try what a compiler can. */
export function isCompile({ input }: CcacheCall): boolean {
  return /\.[cSo]$/.test(input);
}

function callOf(input: string, counters: readonly string[]): CcacheCall {
  if (counters.some((one) => /^(?:direct|preprocessed)_cache_hit$/.test(one)))
    return { input, result: 'hit', counter: '' };
  if (counters.includes('cache_miss')) return { input, result: 'miss', counter: '' };
  const counter = counters.find((one) => !ACCOMPANYING.test(one)) ?? 'nothing';
  return { input, result: 'uncached', counter };
}
