import { runMain, runPost } from './commands/action.ts';
import { answerOwnCall } from './commands/own-calls.ts';

// The runner starts one bundle twice; state that main saved tells post that it is post.
const run = () => (process.env.STATE_kernelThinltoMain ? runPost() : runMain());
process.exitCode = (await answerOwnCall(process.argv.slice(2))) ?? (await run());
