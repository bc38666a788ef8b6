import { main } from './commands/main.ts';
import { answerOwnCall } from './commands/own-calls.ts';

const words = process.argv.slice(2);
process.exitCode = (await answerOwnCall(words)) ?? (await main(words));
