import { runMain, runPost } from './commands/action.ts';

// The runner starts one bundle twice; state that main saved tells post that it is post.
process.exitCode = process.env.STATE_kernelThinltoMain ? await runPost() : await runMain();
